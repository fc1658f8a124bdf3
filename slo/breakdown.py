"""Which series an objective's events came from: its routes, its queues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from slo import selections
from slo.arithmetic import Tally
from slo.models import Objective
from slo.selections import Selection


@dataclass(frozen=True, kw_only=True)
class Part:
    """One series of an objective, and what it counted since the counters began."""

    labels: str
    tally: Tally


def parts(objective: Objective, families: Iterable[Metric]) -> list[Part]:
    """Return the objective's series that counted anything, the one with most bad events first."""
    selection = objective.selection
    names = {selection.metric, selection.metric.removesuffix("_total")}
    groups: dict[str, Metric] = {}
    for family in families:
        if family.name in names:
            _split(family, selection, groups)
    found = [
        Part(labels=labels, tally=_tally(objective, selection, group))
        for labels, group in groups.items()
    ]
    counted = [each for each in found if each.tally.total]
    return sorted(counted, key=lambda each: (-each.tally.bad, -each.tally.total, each.labels))


def _split(family: Metric, selection: Selection, groups: dict[str, Metric]) -> None:
    """Sort the samples of `family` by the labels that tell one route or queue from another."""
    hidden = {"le", *selection.bad_match}
    for sample in family.samples:
        shown = [f"{key}={value}" for key, value in sample.labels.items() if key not in hidden]
        name = ", ".join(sorted(shown, reverse=True))
        group = groups.setdefault(name, Metric(family.name, "", family.type))
        group.samples.append(sample)


def _tally(objective: Objective, selection: Selection, group: Metric) -> Tally:
    counts = selections.count([group], [selection])[selection.key]
    return selections.tally(selection, counts, threshold_edge=objective.threshold_edge)
