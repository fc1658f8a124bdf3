"""Where counts come from: readings of this machine, a file or a page; or a Prometheus server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from slo import readings, registry, selections
from slo.arithmetic import total_growth
from slo.errors import SourceUnavailable
from slo.readings import Growth, Reading
from slo.selections import BAD, TOTAL, Selection

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class History:
    """Readings in order of time, the last one being the present."""

    name: str
    readings: Sequence[Reading]

    def growth(self, selection: Selection, *, since: datetime, until: datetime) -> Growth | None:
        """Return the exact integers between the readings."""
        upto = [each for each in self.readings if each.taken_at <= until]
        return readings.grown(upto, selection, since=since) if upto else None


@dataclass(frozen=True, kw_only=True)
class Between:
    """Two readings: everything from the one to the other, whatever the window."""

    name: str
    before: Reading
    after: Reading

    def growth(self, selection: Selection, *, since: datetime, until: datetime) -> Growth | None:
        """Return what grew between the two, None when the first knew nothing of the selection."""
        del since, until
        pair = (self.before, self.after)
        if not all(selection.key in each.counts for each in pair):
            return None
        counts = total_growth([(each.boot, each.counts[selection.key]) for each in pair])
        return Growth(counts=counts, since=self.before.taken_at, until=self.after.taken_at)

    @property
    def window(self) -> timedelta:
        """The time between the two, at least a second."""
        return max(self.after.taken_at - self.before.taken_at, timedelta(seconds=1))


@dataclass(frozen=True, kw_only=True)
class PrometheusServer:
    """A Prometheus server's HTTP API; its `increase()` extrapolates, so counts are rounded."""

    url: str
    name: str = "prometheus"

    def growth(self, selection: Selection, *, since: datetime, until: datetime) -> Growth | None:
        """Return the increase over the window, or None when the server has no such series."""
        seconds = max(1, round((until - since).total_seconds()))
        if selection.bad_match:
            counts = self._counter(selection, seconds, until)
        else:
            counts = self._histogram(selection, seconds, until)
        return Growth(counts=counts, since=since, until=until) if counts else None

    def _histogram(self, wanted: Selection, seconds: int, at: datetime) -> dict[str, int]:
        series = wanted.sample_name + selections.measured(wanted.match)
        found = self._query(f"sum by (le) (increase({series}[{seconds}s]))", at)
        return {selections.edge(labels["le"]): round(value) for labels, value in found}

    def _counter(self, wanted: Selection, seconds: int, at: datetime) -> dict[str, int]:
        total = wanted.metric + selections.measured(wanted.match)
        bad = wanted.metric + selections.measured({**wanted.match, **wanted.bad_match})
        counts = {}
        for key, series in ((TOTAL, total), (BAD, bad)):
            for _labels, value in self._query(f"sum(increase({series}[{seconds}s]))", at):
                counts[key] = round(value)
        return counts if TOTAL in counts else {}

    def _query(self, query: str, at: datetime) -> list[tuple[dict[str, str], float]]:
        document = self._fetch({"query": query, "time": f"{at.timestamp():.3f}"})
        try:
            found = document["data"]["result"]
            return [(each["metric"], float(each["value"][1])) for each in found]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceUnavailable(f"{self.url} answered no vector to {query}") from error

    def _fetch(self, parameters: dict[str, str]) -> Any:
        address = f"{self.url.rstrip('/')}/api/v1/query"
        try:
            response = httpx.get(address, params=parameters, timeout=_TIMEOUT_SECONDS)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SourceUnavailable(f"{address}: {error}") from error


def read_registry(wanted: Iterable[Selection], *, now: datetime) -> Reading:
    """Return what this machine's processes have counted until now."""
    return readings.of_families(registry.families(), wanted, now=now)


def read_text(text: str, wanted: Iterable[Selection], *, now: datetime) -> Reading:
    """
    Return the reading of a `/metrics` page.

    :raises SourceUnavailable: when it is no Prometheus text
    """
    try:
        return readings.of_families(_parsed(text), wanted, now=now)
    except ValueError as error:
        raise SourceUnavailable(f"not Prometheus text: {error}") from error


def fetch_text(url: str, *, token: str = "") -> str:
    """
    Return the `/metrics` page at `url`.

    :raises SourceUnavailable: when it does not answer 200
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = httpx.get(url, headers=headers, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise SourceUnavailable(f"{url}: {error}") from error
    return response.text


def _parsed(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))
