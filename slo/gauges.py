"""
Checks that a gauge is at zero, counted, so that "none" can be promised like any other share.

Each snapshot checks each such gauge once; a gauge that nobody reports is not checked, and an
objective over it has no data.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.metrics_core import Metric

from slo.models import Objective
from slo.selections import value_of

CHECKS = Counter(
    "slo_gauge_checks_total",
    "Checks of a gauge that is promised to be zero, by objective and by what was found.",
    ["slo", "outcome"],
)


def check(objectives: Iterable[Objective], families: Iterable[Metric]) -> None:
    """Count, for each objective over a gauge, whether it was at zero in `families`."""
    families = list(families)
    for objective in objectives:
        if objective.kind != Objective.Kind.ZERO_GAUGE:
            continue
        value = value_of(families, objective.metric, objective.match)
        if value is not None:
            CHECKS.labels(objective.name, "zero" if value == 0 else "nonzero").inc()
