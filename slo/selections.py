"""Which series an objective counts, and counting them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from slo.arithmetic import Counts, Tally

TOTAL, BAD = "total", "bad"
# A server may hold series that nobody measured, such as a back-fill for charts. They carry this
# label, and no verdict may count them.
MADE_UP: Final = ("source", "synthetic")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """
    Series of one metric, matched by label.

    `match` and `bad_match` hold `{label: regular expression}`, anchored as in PromQL. Without
    `bad_match` the metric is a histogram and is counted by bucket edge; with it the metric is a
    counter and is counted as "total" and "bad".
    """

    metric: str
    match: Mapping[str, str] = field(default_factory=dict)
    bad_match: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The selection in PromQL's words: what snapshots store its counts under."""
        key = self.metric + selector(self.match)
        return f"{key} bad {selector(self.bad_match)}" if self.bad_match else key

    @property
    def sample_name(self) -> str:
        return self.metric if self.bad_match else f"{self.metric}_bucket"


def selector(match: Mapping[str, str], **equal: str) -> str:
    """Return the PromQL selector `{label=~"regex",other="value"}`, or nothing for no label."""
    parts = [f'{label}=~"{_quoted(regex)}"' for label, regex in sorted(match.items())]
    parts += [f'{label}="{_quoted(value)}"' for label, value in sorted(equal.items())]
    return "{" + ",".join(parts) + "}" if parts else ""


def measured(match: Mapping[str, str], **equal: str) -> str:
    """Return the selector for a Prometheus server: only what was measured, nothing made up."""
    label, value = MADE_UP
    parts = [selector(match, **equal).removeprefix("{").removesuffix("}"), f'{label}!="{value}"']
    return "{" + ",".join(filter(None, parts)) + "}"


def count(families: Iterable[Metric], selections: Iterable[Selection]) -> dict[str, dict[str, int]]:
    """
    Return the cumulative counts of each selection, summed over its series.

    A selection none of whose series exist counts nothing: its entry is there and empty.
    """
    wanted = list(selections)
    counts: dict[str, dict[str, int]] = {selection.key: {} for selection in wanted}
    by_sample: dict[str, list[Selection]] = {}
    for selection in {each.key: each for each in wanted}.values():
        by_sample.setdefault(selection.sample_name, []).append(selection)
    for family in families:
        for sample in family.samples:
            for selection in by_sample.get(sample.name, ()):
                _add(counts[selection.key], selection, sample)
    return counts


def tally(selection: Selection, counts: Counts, *, threshold_edge: str = "") -> Tally:
    """Return how many of the counted events were good, at `threshold_edge` for a histogram."""
    if selection.bad_match:
        total = counts.get(TOTAL, 0)
        return Tally(good=total - counts.get(BAD, 0), total=total)
    return Tally(good=counts.get(threshold_edge, 0), total=counts.get("+Inf", 0))


def value_of(families: Iterable[Metric], metric: str, match: Mapping[str, str]) -> float | None:
    """Return the sum of the matched series of a gauge, None when there is none."""
    values = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == metric and _is_matched(match, sample.labels)
    ]
    return sum(values) if values else None


@lru_cache(maxsize=10_000)
def edge(threshold_seconds: object) -> str:
    """Return a threshold as the `le` label of its bucket: "0.35", "1.0"."""
    label: str = floatToGoString(float(str(threshold_seconds)))  # type: ignore[no-untyped-call]
    return label


def _add(counts: dict[str, int], selection: Selection, sample: Sample) -> None:
    if not _is_matched(selection.match, sample.labels):
        return
    if not selection.bad_match:
        le = edge(sample.labels["le"])
        counts[le] = counts.get(le, 0) + int(sample.value)
        return
    counts[TOTAL] = counts.get(TOTAL, 0) + int(sample.value)
    if _is_matched(selection.bad_match, sample.labels):
        counts[BAD] = counts.get(BAD, 0) + int(sample.value)


def _is_matched(match: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(_is_like(regex, labels.get(label, "")) for label, regex in match.items())


# Label values are few and come back at every scrape.
@lru_cache(maxsize=10_000)
def _is_like(regex: str, value: str) -> bool:
    return re.fullmatch(regex, value) is not None


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
