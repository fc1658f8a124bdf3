"""Which thresholds a histogram can be judged at: its bucket edges."""

from __future__ import annotations

import math
from decimal import Decimal

from prometheus_client import REGISTRY, Histogram

from slo.errors import ThresholdIsNoEdge


def edges_of(metric: str) -> list[float] | None:
    """Return the finite edges of a histogram registered in this process, None if it is unknown."""
    # The registry has no public look-up by name, and a family without children has no samples.
    registered = REGISTRY._names_to_collectors.get(metric)  # noqa: SLF001
    if not isinstance(registered, Histogram):
        return None
    return [bound for bound in registered._upper_bounds if not math.isinf(bound)]  # noqa: SLF001


def refuse_no_edge(metric: str, threshold_seconds: Decimal) -> None:
    """
    Check that events at or below `threshold_seconds` are counted by a bucket of their own.

    A metric that this process does not register cannot be checked here and passes.

    :raises ThresholdIsNoEdge: telling which edges there are
    """
    edges = edges_of(metric)
    if edges is None or float(threshold_seconds) in edges:
        return
    known = ", ".join(f"{bound:g}" for bound in edges)
    raise ThresholdIsNoEdge(
        f"{threshold_seconds.normalize():f} s is no bucket edge of {metric}. Edges: {known}."
    )
