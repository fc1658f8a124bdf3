"""The desk at a glance: one pass over the tickets that matter now, kept for 15 seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Q

from helpdesk.models import Campaign, CampaignRecipient, Channel, Ticket
from helpdesk.selectors import cache, daily, settings
from helpdesk.selectors.keyset import moment

DAYS: Final = 30
MAX_CAMPAIGNS: Final = 10
_CACHE: Final = "dashboard"
_COPY, _TURN = "copy", "turn"
_STALE_KEPT_SECONDS: Final = 4 * cache.DASHBOARD_KEPT_SECONDS
_TURN_SECONDS: Final = 10
_WAIT_SECONDS: Final = 2.0
_LOOK_EVERY_SECONDS: Final = 0.05

type Read = Callable[[], dict[str, Any]]


class _OneAtATime:
    """In one process, without Redis: who waited while another read takes what that one got."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._value: dict[str, Any] = {}

    def get(self, read: Read) -> dict[str, Any]:
        arrived = time.monotonic()
        with self._lock:
            if self._read_at < arrived:
                self._value, self._read_at = read(), time.monotonic()
            return self._value


_one_at_a_time = _OneAtATime()


def show(*, now: datetime) -> dict[str, Any]:
    """
    Return the desk at a glance, at most 15 s old while Redis answers.

    One caller computes it. Those who come meanwhile get the copy that has just become too old,
    or wait a moment for the new one when there is none. Without Redis one caller in each process
    reads PostgreSQL at a time.
    """
    try:
        return _from_cache(lambda: compute(now=now), now)
    except cache.CacheUnavailable:
        return _one_at_a_time.get(lambda: compute(now=now))


def _from_cache(read: Read, now: datetime) -> dict[str, Any]:
    copy = cache.look_up(_CACHE, _COPY)
    if copy is not None and _is_fresh(copy, now):
        return _value(copy)
    if cache.claim(_CACHE, _TURN, seconds=_TURN_SECONDS):
        return _take_turn(read, now)
    if copy is not None:
        return _value(copy)
    return _wait_for_copy() or read()


def _take_turn(read: Read, now: datetime) -> dict[str, Any]:
    try:
        made = cache.peek(_CACHE, _COPY)
        if made is not None and _is_fresh(made, now):  # between our look and our turn
            return _value(made)
        value = read()
        copy = {"at": now.timestamp(), "value": value}
        cache.keep(_CACHE, _COPY, copy, seconds=_STALE_KEPT_SECONDS)
        return value
    finally:
        cache.forget(_CACHE, _TURN)


def _wait_for_copy() -> dict[str, Any] | None:
    """Return the copy that somebody is making, or None if it takes them too long."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_SECONDS)
        if copy := cache.peek(_CACHE, _COPY):
            return _value(copy)
    return None


def _is_fresh(copy: dict[str, Any], now: datetime) -> bool:
    age_seconds: float = now.timestamp() - copy["at"]
    return 0 <= age_seconds < cache.DASHBOARD_KEPT_SECONDS


def _value(copy: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = copy["value"]
    return value


def compute(*, now: datetime) -> dict[str, Any]:
    """Return the desk at a glance, read from PostgreSQL."""
    chosen = settings.current()
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    counted_today = {"date": today, **daily.count(date=today)}
    days = [*daily.list_days(since=first, until=today - timedelta(days=1)), counted_today]
    return {
        "desk_name": chosen["desk_name"],
        "generated_at": moment(now),
        **_tickets_now(targets_minutes=chosen["first_response_target_minutes"], now=now),
        "today": {name: counted_today[name] for name in _TODAY},
        "first_response": _quantiles(days, "first_response", "first_responses"),
        "resolution": _quantiles(days, "resolution", "tickets_resolved"),
        "campaigns": _campaigns(),
        "days": [{**day, "date": day["date"].isoformat()} for day in days],
    }


_TODAY: Final = (
    "tickets_created", "tickets_resolved", "messages_in", "messages_out", "messages_failed",
)  # fmt: skip


def _tickets_now(*, targets_minutes: dict[str, int], now: datetime) -> dict[str, Any]:
    """Return what waits, in one pass over the tickets that are open or pending."""
    is_open = Q(status=Ticket.Status.OPEN)
    columns = {
        "open": is_open,
        "pending": Q(status=Ticket.Status.PENDING),
        "unassigned": Q(assignee__isnull=True),
        "awaiting_reply": is_open & Q(last_message_direction="inbound"),
        "first_response_overdue": _overdue(targets_minutes, now),
        **{f"channel_{name}": Q(channel=name) for name in Channel.values},
        **{f"priority_{name}": Q(priority=name) for name in Ticket.Priority.values},
    }
    live = Ticket.objects.filter(status__in=[Ticket.Status.OPEN, Ticket.Status.PENDING])
    found = live.aggregate(**{name: Count("id", filter=where) for name, where in columns.items()})
    return {
        "by_channel": {name: found.pop(f"channel_{name}") for name in Channel.values},
        "by_priority": {name: found.pop(f"priority_{name}") for name in Ticket.Priority.values},
        "tickets": found,
    }


def _overdue(targets_minutes: dict[str, int], now: datetime) -> Q:
    """Return the condition of tickets whose first answer is later than their priority allows."""
    late = Q()
    for priority, minutes in targets_minutes.items():
        late |= Q(priority=priority, created_at__lt=now - timedelta(minutes=minutes))
    return late & Q(first_response_at__isnull=True)


def _quantiles(days: list[dict[str, Any]], what: str, counted: str) -> dict[str, Any]:
    """
    Return the P50 and P90 of `what` over the days, and from how many tickets.

    An estimate: each is the mean of the days' own quantiles, weighed by their tickets.
    """
    with_any = [day for day in days if day[counted] and day[f"{what}_p50_seconds"] is not None]
    total = sum(day[counted] for day in with_any)

    def mean(column: str) -> float | None:
        weighed = sum(day[column] * day[counted] for day in with_any)
        return round(weighed / total, 3) if total else None

    return {
        "p50_seconds": mean(f"{what}_p50_seconds"),
        "p90_seconds": mean(f"{what}_p90_seconds"),
        "counted": total,
        "days": len(with_any),
    }


def _campaigns() -> list[dict[str, Any]]:
    """Return the newest campaigns that are under way, and how far each has come."""
    under_way = [Campaign.Status.RUNNING, Campaign.Status.PAUSED]
    newest = Campaign.objects.filter(status__in=under_way).order_by("-id")
    found = list(newest.values("id", "name", "status")[:MAX_CAMPAIGNS])
    counted = _recipients([campaign["id"] for campaign in found])
    return [{**campaign, **counted.get(campaign["id"], _nobody())} for campaign in found]


def _recipients(campaign_ids: list[int]) -> dict[int, dict[str, int]]:
    by_status = {
        status: Count("id", filter=Q(status=status)) for status in CampaignRecipient.Status.values
    }
    rows: Any = (
        CampaignRecipient.objects.filter(campaign__in=campaign_ids)
        .order_by()
        .values("campaign_id")
        .annotate(total=Count("id"), **by_status)
    )
    return {row.pop("campaign_id"): dict(row) for row in rows}


def _nobody() -> dict[str, int]:
    return dict.fromkeys(("total", *CampaignRecipient.Status.values), 0)
