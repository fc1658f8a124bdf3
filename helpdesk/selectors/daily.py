"""What happened on a day, counted from its rows, and the days behind us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Aggregate, Count, F, FloatField, Q
from django.db.models.functions import Extract

from helpdesk.models import DailyMetric, Message, Ticket

COLUMNS: Final = (
    "tickets_created", "tickets_resolved", "messages_in", "messages_out", "messages_failed",
    "first_responses", "first_response_p50_seconds", "first_response_p90_seconds",
    "resolution_p50_seconds", "resolution_p90_seconds",
)  # fmt: skip


class PercentileCont(Aggregate):
    """PostgreSQL's `percentile_cont(fraction) WITHIN GROUP (ORDER BY …)` of seconds."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, seconds: Any, *, fraction: float, **extra: Any) -> None:
        super().__init__(seconds, fraction=fraction, **extra)


@dataclass(frozen=True, slots=True)
class Day:
    """One day in UTC, from `start` up to but not including `end`."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, date: date) -> Day:
        start = datetime.combine(date, time(), UTC)
        return cls(start, start + timedelta(days=1))

    def holds(self, field: str) -> Q:
        """Return the condition that `field` lies within the day."""
        return Q(**{f"{field}__gte": self.start, f"{field}__lt": self.end})


def count(*, date: date) -> dict[str, Any]:
    """
    Return what happened on `date`, by the columns of `DailyMetric`, in two queries.

    Everything that happens to a ticket moves its `last_activity_at`, so tickets that were quiet
    since before the day are never looked at: no index on each of the other times is needed.
    """
    day = Day.of(date)
    return {**_tickets(day), **_messages(day)}


def list_days(*, since: date, until: date) -> list[dict[str, Any]]:
    """Return the stored days from `since` to `until`, both included, in order."""
    days = DailyMetric.objects.filter(date__gte=since, date__lte=until).order_by("pk")
    return [dict(row) for row in days.values("date", *COLUMNS)]


def _tickets(day: Day) -> dict[str, Any]:
    tickets = Ticket.objects.filter(last_activity_at__gte=day.start)
    answered, resolved = day.holds("first_response_at"), day.holds("resolved_at")
    return tickets.aggregate(
        tickets_created=Count("id", filter=day.holds("created_at")),
        tickets_resolved=Count("id", filter=resolved),
        first_responses=Count("id", filter=answered),
        first_response_p50_seconds=_quantile("first_response_at", 0.5, answered),
        first_response_p90_seconds=_quantile("first_response_at", 0.9, answered),
        resolution_p50_seconds=_quantile("resolved_at", 0.5, resolved),
        resolution_p90_seconds=_quantile("resolved_at", 0.9, resolved),
    )


def _quantile(field: str, fraction: float, within: Q) -> PercentileCont:
    taken = Extract(F(field) - F("created_at"), "epoch")
    return PercentileCont(taken, fraction=fraction, filter=within)


def _messages(day: Day) -> dict[str, Any]:
    messages = Message.objects.filter(
        day.holds("created_at"), ticket__last_activity_at__gte=day.start
    )
    outbound = Q(kind=Message.Kind.OUTBOUND)
    return messages.aggregate(
        messages_in=Count("id", filter=Q(kind=Message.Kind.INBOUND)),
        messages_out=Count("id", filter=outbound),
        messages_failed=Count("id", filter=outbound & Q(status=Message.Status.FAILED)),
    )
