"""
The objectives' standing as metrics.

A value that does not exist (no data, no budget) is an absent series, never NaN; with no objective
measured `slo_overall_compliance_ratio` is absent too. Verdicts are read from the database, and a
scrape must survive without it: for a minute the last known ones are shown, then none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import Error as DatabaseError
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from slo import arithmetic, selectors
from slo.arithmetic import State
from slo.evaluation import Evaluation
from slo.patience import DATABASE

_LAST_KNOWN_SECONDS: Final = 60.0
logger = logging.getLogger("slo")


class _LastKnown:
    """What this process showed last, and when it was evaluated."""

    evaluations: Iterable[Evaluation] = ()
    evaluated_seconds: float = float("-inf")


_last = _LastKnown()


def families(counted: Iterable[Metric]) -> list[Metric]:
    """Return the gauges that tell how the objectives stand, given what was counted."""
    return describe(_evaluations(list(counted), now=timezone.now()))


def describe(evaluations: Iterable[Evaluation]) -> list[Metric]:
    """Return `evaluations` as gauges."""
    evaluations = list(evaluations)
    measured = [each for each in evaluations if each.state is not State.NO_DATA]
    overall = arithmetic.overall_ratio(each.state for each in evaluations)
    found: list[Metric] = [
        _gauge(
            "slo_target_ratio",
            "The promised share of good events.",
            {each.name: each.objective.target_ratio for each in evaluations},
        ),
        _gauge(
            "slo_observed_ratio",
            "The observed share of good events over the objective's window.",
            {each.name: each.tally.ratio for each in measured},
        ),
        _gauge(
            "slo_compliant",
            "1 while the objective is kept over its window, 0 while it is missed.",
            {each.name: Decimal(each.is_kept) for each in measured},
        ),
        _gauge(
            "slo_error_budget_remaining_ratio",
            "The share of the error budget left over the window, negative once overspent.",
            {each.name: each.budget_remaining for each in measured},
        ),
        _burn_rates(measured),
    ]
    if overall is not None:
        text = "Kept objectives among those measured."
        found.append(GaugeMetricFamily("slo_overall_compliance_ratio", text, float(overall)))
    return found


def _evaluations(counted: list[Metric], *, now: datetime) -> Iterable[Evaluation]:
    clock = time.monotonic()
    if not DATABASE.is_lost():
        try:
            with DATABASE.asking():
                _last.evaluations = _evaluated(counted, now=now)
            _last.evaluated_seconds = clock
        except DatabaseError as error:
            DATABASE.lose()
            logger.warning("verdicts are not evaluated anew: %s", error)
    is_fresh = clock - _last.evaluated_seconds <= _LAST_KNOWN_SECONDS
    return _last.evaluations if is_fresh else ()


def _evaluated(counted: list[Metric], *, now: datetime) -> list[Evaluation]:
    objectives = selectors.list_enabled()
    source = selectors.history_of_families(objectives, counted, now=now)
    return selectors.evaluate_with(source, objectives, now=now)


def _gauge(name: str, text: str, values: Mapping[str, Decimal | None]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=["slo"])
    for slo, value in values.items():
        if value is not None:
            gauge.add_metric([slo], float(value))
    return gauge


def _burn_rates(evaluations: Iterable[Evaluation]) -> GaugeMetricFamily:
    text = "How many times faster than allowed the error budget goes, by window."
    gauge = GaugeMetricFamily("slo_burn_rate", text, labels=["slo", "window"])
    for each in evaluations:
        for window, rate in each.burn_rates.items():
            if rate is not None:
                gauge.add_metric([each.name, window], float(rate))
    return gauge
