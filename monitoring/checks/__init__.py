"""
Each module checks one kind of file and returns sentences that begin with the file at fault.

A check takes the root of a checkout, so that a test may plant a mistake in a copy.
"""
