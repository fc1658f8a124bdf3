"""Counts at one moment, and what grew between several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prometheus_client.metrics_core import Metric

from slo import retention, selections
from slo.arithmetic import Counts, total_growth
from slo.registry import BOOT_METRIC
from slo.selections import Selection

# A gap this much longer than their age explains is a pause of the snapshots, not their rhythm.
_PAUSE: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Cumulative counts by selection key; `boot` names their beginning at zero."""

    taken_at: datetime
    boot: str
    counts: Mapping[str, Counts]

    @property
    def began_at(self) -> datetime:
        return datetime.fromtimestamp(float(self.boot), tz=UTC)

    def as_json(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at.isoformat(),
            "boot": self.boot,
            "counts": {key: dict(counts) for key, counts in self.counts.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What one selection counted between two moments."""

    counts: Counts
    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def of_families(
    families: Iterable[Metric], wanted: Iterable[Selection], *, now: datetime
) -> Reading:
    """Return the reading of `families`, whose boot is the beginning they tell."""
    families = list(families)
    boot = next((f.samples[0].value for f in families if f.name == BOOT_METRIC), 0.0)
    return Reading(taken_at=now, boot=f"{boot:.6f}", counts=selections.count(families, wanted))


def from_json(document: Mapping[str, Any]) -> Reading:
    """
    Return the reading that `as_json` wrote.

    :raises KeyError, TypeError, ValueError: when it is no such document
    """
    return Reading(
        taken_at=datetime.fromisoformat(document["taken_at"]),
        boot=f"{float(document['boot']):.6f}",
        counts={key: dict(counts) for key, counts in document["counts"].items()},
    )


def grown(readings: Sequence[Reading], selection: Selection, *, since: datetime) -> Growth | None:
    """
    Return what `selection` counted from `since` to the last of `readings` (in order of time).

    None when nothing but the last reading knows the selection. `Growth.since` tells how far back
    the baseline really lies.
    """
    known = [each for each in readings if selection.key in each.counts]
    chain = _from_baseline(known, selection, since) if known else []
    if len(chain) < 2:  # noqa: PLR2004 - growth lies between two readings
        return None
    counts = total_growth([(each.boot, each.counts[selection.key]) for each in chain])
    return Growth(counts=counts, since=chain[0].taken_at, until=chain[-1].taken_at)


def _from_baseline(
    known: Sequence[Reading], selection: Selection, since: datetime
) -> list[Reading]:
    """
    Return the readings to count over, the baseline first.

    In order of preference: the newest reading at or before `since`, unless snapshots had paused
    there; the zero at which the counters began; the oldest reading after `since`; the paused one.
    """
    older = [each for each in known if each.taken_at <= since]
    inside = [each for each in known if each.taken_at > since]
    tolerated = _PAUSE + retention.gap_at(known[-1].taken_at - since)
    if older and since - older[-1].taken_at <= tolerated:
        return [older[-1], *inside]
    if inside and inside[0].began_at >= since:
        return [_zero(inside[0], selection), *inside]
    return inside if len(inside) > 1 else older[-1:] + inside


def _zero(reading: Reading, selection: Selection) -> Reading:
    return Reading(taken_at=reading.began_at, boot=reading.boot, counts={selection.key: {}})
