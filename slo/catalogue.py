"""
Which metrics there are, so that an objective over one that does not exist is refused.

Known is what this process registers and what all processes of this machine have counted. With a
Prometheus server as the source other machines may count what is unknown here: nothing is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from slo import registry

_SUFFIXES = ("_bucket", "_count", "_sum")


@dataclass(kw_only=True)
class Known:
    """What is known of a metric: its type, and its labels but for `le`."""

    kind: str
    labels: set[str] = field(default_factory=set)


def known() -> dict[str, Known]:
    """Return every metric that is registered or counted here, by its exposed name."""
    found: dict[str, Known] = {}
    for name, kind, labels in (*_registered(), *_counted(registry.families())):
        found.setdefault(name, Known(kind=kind)).labels.update(labels)
    return found


def refusals(
    kind: str, metric: str, matchers: Mapping[str, Iterable[str]]
) -> Iterator[tuple[str, str]]:
    """
    Yield field and reason for what does not exist: the metric, or labels in a matcher.

    `kind` is Prometheus' type; `matchers` holds the labels that each field names.
    """
    if getattr(settings, "SLO", {}).get("PROMETHEUS_URL"):
        return
    metrics = known()
    if metric not in metrics:
        yield "metric", _unknown(kind, metric, metrics)
        return
    it = metrics[metric]
    if it.kind != kind:
        yield "metric", f"{metric} is a {it.kind}, and this kind of objective needs a {kind}."
        return
    for name, labels in matchers.items():
        wrong = sorted(set(labels) - it.labels)
        if wrong:
            right = ", ".join(sorted(it.labels)) or "none"
            yield name, f"{metric} has no label {', '.join(wrong)}. Labels: {right}."


def _unknown(kind: str, metric: str, metrics: Mapping[str, Known]) -> str:
    suitable = [name for name, each in metrics.items() if each.kind == kind]
    bare = next((metric.removesuffix(end) for end in _SUFFIXES if metric.endswith(end)), metric)
    near = [bare] if bare in suitable else difflib.get_close_matches(metric, suitable, n=3)
    meant = f" Did you mean {' or '.join(near)}?" if near else f" There is no such {kind}."
    return f"Nothing here counts {metric}.{meant}"


def _registered() -> Iterator[tuple[str, str, Iterable[str]]]:
    # The registry has no public list, and a metric without children has no samples.
    for each in set(REGISTRY._collector_to_names):  # noqa: SLF001
        if isinstance(each, MetricWrapperBase):
            name = f"{each._name}_total" if each._type == "counter" else each._name  # noqa: SLF001
            yield name, str(each._type), each._labelnames  # noqa: SLF001


def _counted(families: Iterable[Metric]) -> Iterator[tuple[str, str, Iterable[str]]]:
    for family in families:
        labels = {label for sample in family.samples for label in sample.labels}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield name, family.type, labels - {"le"}
