"""The numbers of each day, rolled up from the rows: repeating it changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from helpdesk.models import DailyMetric
from helpdesk.selectors import daily


def roll_up(*, date: date, now: datetime) -> DailyMetric | None:
    """
    Count one day from its rows and store it in the place of what was stored before.

    A day that is not over is counted up to `now`; one that has not begun is not stored.
    """
    if daily.Day.of(date).start > now:
        return None
    metric, _ = DailyMetric.objects.update_or_create(date=date, defaults=daily.count(date=date))
    return metric


def roll_up_recent(*, now: datetime) -> None:
    """Roll up yesterday, which late receipts may still change, and today."""
    today = now.astimezone(UTC).date()
    for day in (today - timedelta(days=1), today):
        roll_up(date=day, now=now)


def roll_up_since(*, first: date, now: datetime) -> int:
    """Roll up every day from `first` to today, as after a seeding; return how many."""
    today = now.astimezone(UTC).date()
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    for day in days:
        roll_up(date=day, now=now)
    return len(days)
