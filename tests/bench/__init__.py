"""Side-by-side benchmarks: ratios against a peer or a limit measured in the same run."""
