"""How objectives did lately, interval by interval; what nothing is known of is a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from slo import arithmetic, readings, selections, stored
from slo.arithmetic import Tally
from slo.models import Objective
from slo.readings import Reading

INTERVALS: Final = 24
_LONGEST: Final = timedelta(days=28)
_SHORTEST_STEP: Final = timedelta(seconds=20)  # two snapshots


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was counted in one interval; `tally` is None where nothing is known or was counted."""

    since: datetime
    until: datetime
    tally: Tally | None
    is_kept: bool = False


def lately(objectives: Iterable[Objective], *, now: datetime) -> dict[str, list[Point]]:
    """Return, with one query, twice the window of each objective in 24 intervals, by its name."""
    objectives = list(objectives)
    starts = {start for each in objectives for start in _boundaries(each, now)[:-1]}
    wanted = [each.selection for each in objectives]
    found = stored.readings(sorted(starts), wanted, until=now)
    return {each.name: _points(each, found, now) for each in objectives}


def _boundaries(objective: Objective, now: datetime) -> list[datetime]:
    step = max(min(2 * objective.window, _LONGEST) / INTERVALS, _SHORTEST_STEP)
    return [now - step * place for place in range(INTERVALS, -1, -1)]


def _points(objective: Objective, found: Sequence[Reading], now: datetime) -> list[Point]:
    edges = _boundaries(objective, now)
    known = [each for each in found if objective.selection.key in each.counts]
    return [_point(objective, known, *pair) for pair in pairwise(edges)]


def _point(
    objective: Objective, known: Sequence[Reading], since: datetime, until: datetime
) -> Point:
    upto = [each for each in known if each.taken_at <= until]
    grown = readings.grown(upto, objective.selection, since=since)
    # What was counted during a pause of the snapshots belongs to no interval after it.
    if grown is None or since - grown.since > until - since:
        return Point(since=since, until=until, tally=None)
    tally = selections.tally(
        objective.selection, grown.counts, threshold_edge=objective.threshold_edge
    )
    kept = arithmetic.is_kept(
        tally, target_ratio=objective.target_ratio, is_strict=objective.is_strict
    )
    return Point(since=since, until=until, tally=tally if tally.total else None, is_kept=kept)
