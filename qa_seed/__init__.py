"""Synthetic data: a helpdesk that looks lived in, the same on every machine; never production's."""
