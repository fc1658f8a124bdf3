"""Rows of the selectors, dressed for templates: readable times, names, and what stands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from helpdesk.models import Channel, Message, Ticket

MINUTE_SECONDS: Final = 60
HOUR_SECONDS: Final = 60 * MINUTE_SECONDS
DAY_SECONDS: Final = 24 * HOUR_SECONDS
WEEK_SECONDS: Final = 7 * DAY_SECONDS
_UNITS: Final = ((MINUTE_SECONDS, "min"), (HOUR_SECONDS, "h"), (DAY_SECONDS, "d"))
_WAITING: Final = {Ticket.Status.OPEN.value, Ticket.Status.PENDING.value}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as machines (`iso`), as people at a glance (`ago`) and exactly (`title`)."""

    iso: str
    ago: str
    title: str


def moment(iso: str, *, now: datetime) -> Moment:
    """Return a time of the API (RFC 3339, UTC) with its words; `times.js` says the same ones."""
    at = datetime.fromisoformat(iso)
    return Moment(iso, ago(now - at, at=at), f"{at:%-d %b %Y, %H:%M:%S} UTC")


def ago(elapsed: timedelta, *, at: datetime) -> str:
    """Return how long ago in one short unit; beyond a week, the date."""
    seconds = elapsed.total_seconds()
    if seconds < MINUTE_SECONDS:
        return "now"
    if seconds >= WEEK_SECONDS:
        return f"{at:%-d %b %Y}"
    size, unit = max(unit for unit in _UNITS if unit[0] <= seconds)
    return f"{int(seconds // size)} {unit} ago"


def named(ticket: dict[str, Any]) -> dict[str, Any]:
    """Return the ticket with its channel's proper name beside."""
    return {**ticket, "channel_name": Channel(ticket["channel"]).label}


def ticket_line(ticket: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return a ticket as the list shows it; the customer waits while their word is the last."""
    last = ticket["last_message"] or {}
    spoke_last = last.get("direction") == Message.Kind.INBOUND
    return {
        **named(ticket),
        "activity": moment(ticket["last_activity_at"], now=now),
        "is_waiting": spoke_last and ticket["status"] in _WAITING,
        "preview": last.get("preview", ""),
        "was_ours": last.get("direction") == Message.Kind.OUTBOUND,
    }


def message_line(message: dict[str, Any], *, contact: str, now: datetime) -> dict[str, Any]:
    """Return a message as the conversation shows it; `contact` is the customer's name."""
    author = message["author"] or {"name": contact if _is_theirs(message) else "Steadydesk"}
    return {**message, "who": author["name"], "created": moment(message["created_at"], now=now)}


def _is_theirs(message: dict[str, Any]) -> bool:
    return bool(message["kind"] == Message.Kind.INBOUND)
