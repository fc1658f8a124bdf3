"""The series of a made-up history, opened at their first use, and the promises they keep."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping

from qa_seed.openmetrics import Family, Histogram, Number, UnknownEdges, views_of
from slo import durations
from slo.arithmetic import Tally, budget_remaining, burn_rate, is_kept
from slo.buckets import edges_of
from slo.models import Objective
from slo.selections import Selection

type Labels = tuple[tuple[str, str], ...]


class Logbook:
    """Every series there is, by name and labels."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._histograms: dict[tuple[str, Labels], list[Histogram]] = {}
        self._numbers: dict[tuple[str, Labels], Number] = {}

    def observe(self, name: str, count: float, median_seconds: float, **labels: str) -> None:
        """
        Note `count` events of a histogram, under each name it has.

        :raises UnknownEdges: if no such histogram is registered
        """
        key = (name, tuple(labels.items()))
        if key not in self._histograms:
            self._histograms[key] = self._opened(name, labels)
        for each in self._histograms[key]:
            each.observe(count, median_seconds)

    def add(self, name: str, count: float, **labels: str) -> None:
        """Let a counter grow."""
        self._number(name, labels, is_counter=True).value += count

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._number(name, labels, is_counter=False).value = value

    def sample(self, at: int) -> None:
        """Take a sample of everything."""
        for family in self._families.values():
            family.sample(at)

    def text(self) -> Iterator[str]:
        """Yield the samples taken since the last text, as one OpenMetrics document."""
        for family in self._families.values():
            yield from family.text()
        yield "# EOF\n"

    def tally(self, objective: Objective) -> tuple[float, float]:
        """Return how many events an objective counted since the beginning: good ones, and all."""
        wanted = objective.selection
        if wanted.bad_match:
            return self._tally_numbers(wanted)
        edge = float(objective.threshold_edge)
        found = [
            tracks[0].reached(edge)
            for (name, labels), tracks in self._histograms.items()
            if name == wanted.metric and _is_matched(wanted.match, labels)
        ]
        return sum(good for good, _ in found), sum(total for _, total in found)

    def _tally_numbers(self, wanted: Selection) -> tuple[float, float]:
        good = total = 0.0
        for (name, labels), number in self._numbers.items():
            if name == wanted.metric and _is_matched(wanted.match, labels):
                total += number.value
                good += 0 if _is_matched(wanted.bad_match, labels) else number.value
        return good, total

    def _number(self, name: str, labels: Mapping[str, str], *, is_counter: bool) -> Number:
        key = (name, tuple(labels.items()))
        if key not in self._numbers:
            self._numbers[key] = Number(name, labels, is_counter=is_counter)
            kind = "counter" if is_counter else "gauge"
            self._family(name, kind).add(self._numbers[key])
        return self._numbers[key]

    def _opened(self, name: str, labels: Mapping[str, str]) -> list[Histogram]:
        edges = edges_of(name)
        if edges is None:
            raise UnknownEdges(f"{name} is no histogram that this process registers.")
        opened = []
        for shown, unit in views_of(name).items():
            opened.append(Histogram(shown, labels, edges, per_second=unit))
            self._family(shown, "histogram").add(opened[-1])
        return opened

    def _family(self, name: str, kind: str) -> Family:
        return self._families.setdefault(name, Family(name, kind))


class Promise:
    """An objective over its window, as the desk's own gauges would have told it."""

    def __init__(self, objective: Objective, *, step_seconds: int) -> None:
        self._objective = objective
        steps = objective.window_seconds // step_seconds
        self._seen: deque[tuple[float, float]] = deque(maxlen=steps + 1)

    def tell(self, book: Logbook) -> None:
        """Set the gauges of the objective from what was counted until now."""
        self._seen.append(book.tally(self._objective))
        (good_before, before), (good_now, now) = self._seen[0], self._seen[-1]
        total = int(now - before)
        tally = Tally(good=min(total, round(good_now - good_before)), total=total)
        if tally.total:  # nothing counted says nothing, so the gauges stay
            self._set(book, tally)

    def _set(self, book: Logbook, tally: Tally) -> None:
        name, target = self._objective.name, self._objective.target_ratio
        kept = is_kept(tally, target_ratio=target, is_strict=self._objective.is_strict)
        book.set("slo_target_ratio", float(target), slo=name)
        book.set("slo_observed_ratio", float(tally.ratio or 0), slo=name)
        book.set("slo_compliant", float(kept), slo=name)
        left = budget_remaining(tally, target_ratio=target)
        rate = burn_rate(tally, target_ratio=target)
        if left is not None and rate is not None:  # a promise without exceptions has no budget
            window = durations.text(self._objective.window)
            book.set("slo_error_budget_remaining_ratio", float(left), slo=name)
            book.set("slo_burn_rate", float(rate), slo=name, window=window)


def _is_matched(match: Mapping[str, str], labels: Labels) -> bool:
    found = dict(labels)
    return all(re.fullmatch(regex, found.get(label, "")) for label, regex in match.items())
