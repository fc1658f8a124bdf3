"""
How long snapshots are kept, and how densely: every one, then one a minute, then one an hour.

Twenty-eight days are then some four thousand rows instead of a quarter of a million. Of each minute
or hour the last snapshot of each boot stays: where a boot's counts end is never forgotten, so a
window's growth stays exact however coarse its baseline is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import batched
from typing import Any, Final

from django.db.models import F, Window
from django.db.models.functions import RowNumber, TruncHour, TruncMinute

from slo.models import Snapshot

KEPT: Final = timedelta(days=28, hours=2)  # a window of 28 days needs a baseline before its start
MINUTELY_AFTER: Final = timedelta(hours=2)
HOURLY_AFTER: Final = timedelta(days=2)
_AT_A_TIME: Final = 5_000
_GAPS: Final = ((HOURLY_AFTER, timedelta(hours=1)), (MINUTELY_AFTER, timedelta(minutes=1)))


def tidy(*, now: datetime) -> int:
    """Forget what is older than 28 days, thin out what is older than hours; return how many."""
    forgotten, _by_model = Snapshot.objects.filter(taken_at__lt=now - KEPT).delete()
    return forgotten + sum(
        _thin_out(period, older_than=now - age)
        for period, age in ((TruncHour, HOURLY_AFTER), (TruncMinute, MINUTELY_AFTER))
    )


def gap_at(age: timedelta) -> timedelta:
    """Return how far thinning has moved snapshots of this age apart."""
    return next((gap for after, gap in _GAPS if age > after), timedelta(0))


def _thin_out(period: Callable[..., Any], *, older_than: datetime) -> int:
    """Keep only the last snapshot of each boot in each period."""
    place = Window(
        RowNumber(), partition_by=[F("boot"), period("taken_at")], order_by=F("taken_at").desc()
    )
    aged = Snapshot.objects.filter(taken_at__lt=older_than).annotate(place=place)
    # Read first: as a subquery of the DELETE it is run once a row by a planner that was last told
    # of an empty table, which takes longer than a statement may.
    surplus = aged.filter(place__gt=1).values_list("pk", flat=True)
    return sum(
        Snapshot.objects.filter(pk__in=some).delete()[0] for some in batched(surplus, _AT_A_TIME)
    )
