"""
The few snapshots that windows need, of the thousands that are stored, with one query.

Written in SQL, because each part is one step down an index however many rows there are, and the
query runs at every scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from slo.models import Snapshot
from slo.readings import Reading
from slo.selections import Selection

_NEEDED: Final = """
WITH RECURSIVE ends(boot, id, taken_at) AS (
    (SELECT boot, id, taken_at FROM slo_snapshot WHERE taken_at <= %(until)s
     ORDER BY boot, taken_at DESC LIMIT 1)
    UNION ALL
    SELECT following.* FROM ends CROSS JOIN LATERAL (
        SELECT boot, id, taken_at FROM slo_snapshot
        WHERE boot > ends.boot AND taken_at <= %(until)s
        ORDER BY boot, taken_at DESC LIMIT 1) AS following
), needed(id) AS (
    SELECT id FROM ends WHERE taken_at > %(first)s
    UNION
    SELECT before.id FROM unnest(%(starts)s::timestamptz[]) AS start CROSS JOIN LATERAL (
        SELECT id FROM slo_snapshot WHERE taken_at <= start
        ORDER BY taken_at DESC LIMIT 1) AS before
    UNION
    SELECT after.id FROM unnest(%(starts)s::timestamptz[]) AS start CROSS JOIN LATERAL (
        SELECT id FROM slo_snapshot WHERE taken_at > start AND taken_at <= %(until)s
        ORDER BY taken_at LIMIT 1) AS after
    UNION
    SELECT known.id FROM unnest(%(keys)s::text[]) AS key CROSS JOIN LATERAL (
        SELECT id FROM slo_snapshot
        WHERE taken_at > %(first)s AND taken_at <= %(until)s AND counts ? key
        ORDER BY taken_at LIMIT 1) AS known
)
SELECT slo_snapshot.* FROM slo_snapshot JOIN needed USING (id) ORDER BY taken_at
"""


def readings(
    starts: Sequence[datetime], wanted: Iterable[Selection], *, until: datetime
) -> list[Reading]:
    """
    Return, with one query, the snapshots that windows from `starts` need, in order of time.

    For each start its neighbours on both sides; the last of each boot, where its counts end; and
    the first that knows each selection, because an edited objective has no older ones.
    """
    if not starts:
        return []
    keys = sorted({each.key for each in wanted})
    parameters = {"starts": list(starts), "first": min(starts), "until": until, "keys": keys}
    return [reading(each) for each in Snapshot.objects.raw(_NEEDED, parameters)]


def reading(snapshot: Snapshot) -> Reading:
    """Return what a stored snapshot counted."""
    return Reading(taken_at=snapshot.taken_at, boot=snapshot.boot, counts=snapshot.counts)
