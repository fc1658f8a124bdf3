"""Do the experiments pass, and can each of them fail? Its protection is taken away to see."""
