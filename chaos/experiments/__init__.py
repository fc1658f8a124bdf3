"""Experiments: a hypothesis, a fault, and whether the hypothesis held."""
