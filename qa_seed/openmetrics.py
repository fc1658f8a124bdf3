"""
Metrics over time as OpenMetrics text: histograms, counters and gauges of a desk that never ran.

Counts are kept as fractions and written as whole numbers, so a desk with a request an hour grows
as evenly as a busy one, and no series ever falls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final, Protocol

from prometheus_client.utils import floatToGoString

from slo.instruments import milliseconds
from slo.selections import MADE_UP

# What a scrape adds to every series, and the mark by which rules and gates leave these out.
TARGET: Final = {"job": "steadydesk", "instance": "seed", **dict([MADE_UP])}
_SPREAD: Final = 0.8
_BELL: Final = NormalDist()
_TOTAL: Final = "_total"


class UnknownEdges(Exception):
    """A histogram that this process does not register: it was renamed, or never imported."""


class Track(Protocol):
    """One metric with its labels."""

    def samples(self, at: int) -> list[str]:
        """Return its samples at a second since 1970, as lines."""


class Histogram:
    """Events by how long they took, spread as a log-normal law around a median."""

    def __init__(
        self, name: str, labels: Mapping[str, str], edges: Sequence[float], *, per_second: int = 1
    ) -> None:
        self._edges = tuple(edges)
        self._counts = [0.0] * (len(edges) + 1)
        self._sum = 0.0
        self._unit = per_second
        shown = [*(edge * per_second for edge in edges), math.inf]
        self._heads = [_head(f"{name}_bucket", {**labels, "le": _edge(each)}) for each in shown]
        self._ends = [_head(f"{name}_{each}", labels) for each in ("count", "sum")]

    def observe(self, count: float, median_seconds: float) -> None:
        """Note that `count` events happened, half of them faster than the median."""
        shares = _shares(self._edges, float(f"{median_seconds:.2g}"))
        for index, share in enumerate(shares):
            self._counts[index] += count * share
        self._sum += count * median_seconds * math.exp(_SPREAD**2 / 2)

    def reached(self, edge: float) -> tuple[float, float]:
        """Return how many events took at most `edge` seconds, and how many there were."""
        return self._counts[self._edges.index(edge)], self._counts[-1]

    def samples(self, at: int) -> list[str]:
        """See `Track.samples`."""
        counts = zip(self._heads, self._counts, strict=True)
        buckets = [f"{head} {int(count)} {at}\n" for head, count in counts]
        count, total = self._ends
        return [
            *buckets,
            f"{count} {int(self._counts[-1])} {at}\n",
            f"{total} {self._sum * self._unit:.4f} {at}\n",
        ]


class Number:
    """A counter or a gauge; a counter shows whole numbers."""

    def __init__(self, name: str, labels: Mapping[str, str], *, is_counter: bool) -> None:
        self._head = _head(name, labels)
        self._is_counter = is_counter
        self.value = 0.0

    def samples(self, at: int) -> list[str]:
        """See `Track.samples`."""
        shown = str(int(self.value)) if self._is_counter else f"{self.value:.6g}"
        return [f"{self._head} {shown} {at}\n"]


class Family:
    """All tracks of one name, with the samples that were taken since the last text."""

    def __init__(self, name: str, kind: str) -> None:
        # OpenMetrics names a counter without the ending that its samples carry.
        self._name = name.removesuffix(_TOTAL) if kind == "counter" else name
        self._kind = kind
        self._tracks: list[tuple[Track, list[str]]] = []

    def add(self, track: Track) -> None:
        self._tracks.append((track, []))

    def sample(self, at: int) -> None:
        """Take a sample of every track."""
        for track, lines in self._tracks:
            lines.extend(track.samples(at))

    def text(self) -> Iterator[str]:
        """Yield what was sampled, track by track as OpenMetrics wants it, and forget it."""
        yield f"# TYPE {self._name} {self._kind}\n"
        for _, lines in self._tracks:
            yield from lines
            lines.clear()


def views_of(name: str) -> dict[str, int]:
    """Return under which names a histogram is exposed, with the units a second has there."""
    found = {name: 1}
    if name in milliseconds.NAMES:
        found[milliseconds.NAMES[name]] = 1000
    return found


def _head(name: str, labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{label}="{value}"' for label, value in {**labels, **TARGET}.items())
    return f"{name}{{{shown}}}"


def _edge(edge: float) -> str:
    # Rounded: 0.35 * 1000 is not 350 in binary.
    text: str = floatToGoString(round(edge, 9))  # type: ignore[no-untyped-call]
    return text


@lru_cache(maxsize=8192)
def _shares(edges: tuple[float, ...], median: float) -> tuple[float, ...]:
    """Return which share of all events is at or below each edge, and the whole."""
    places = (_BELL.cdf(math.log(edge / median) / _SPREAD) for edge in edges)
    return (*(round(each, 6) for each in places), 1.0)
