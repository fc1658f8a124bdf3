"""
The same histograms again, under names that count milliseconds.

They are derived from the seconds at the moment of exposition, so the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

NAMES: Final = {
    "django_http_requests_latency_seconds_by_view_method": "http_request_duration_ms",
    "celery_queue_lag_seconds": "queue_lag_ms",
}


def views_of(families: Iterable[Metric]) -> Iterator[Metric]:
    """Return a milliseconds view of each family that has one."""
    for family in families:
        name = NAMES.get(family.name)
        if name is not None:
            yield _view(family, name)


def _view(family: Metric, name: str) -> Metric:
    view = Metric(name, f"{family.documentation} In milliseconds.", "histogram")
    for sample in family.samples:
        suffix = sample.name.removeprefix(family.name)
        labels, value = sample.labels, sample.value
        if suffix == "_bucket":
            labels = {**labels, "le": _milliseconds(labels["le"])}
        elif suffix == "_sum":
            value *= 1000
        view.add_sample(f"{name}{suffix}", labels, value)
    return view


@cache  # edges are few
def _milliseconds(le: str) -> str:
    # Through Decimal: 0.35 * 1000 is not 350 in binary.
    edge: str = floatToGoString(float(Decimal(le.lstrip("+")) * 1000))  # type: ignore[no-untyped-call]
    return edge
