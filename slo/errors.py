"""What may go wrong, named for the fact."""

from __future__ import annotations


class SourceUnavailable(Exception):
    """The place that holds the counts did not answer, or not with counts."""


class UnknownObjective(Exception):
    """No enabled objective has this name."""


class ThresholdIsNoEdge(Exception):
    """The threshold is no bucket edge of its histogram, so nothing was counted at it."""
