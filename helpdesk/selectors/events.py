"""The journal, read by a ticket's `seq` or by the global, commit-safe cursor."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import BigIntegerField, F, Func, Q, QuerySet
from django.db.models.lookups import LessThan

from helpdesk.events import Frame
from helpdesk.models import Event
from helpdesk.selectors import keyset

MAX_REPLAY: Final = 500
type Place = tuple[int, int]  # (transaction, event id)
_FIELDS: Final = (
    "id", "ticket_id", "seq", "transaction", "type", "data", "trace_id", "occurred_at",
)  # fmt: skip


class OldestRunningTransaction(Func):
    """The id below which no transaction is still running."""

    template = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
    output_field = BigIntegerField()


def list_of_ticket(*, ticket_id: int, after: int, limit: int) -> list[Frame]:
    """Return up to `limit` events of a ticket with `seq` greater than `after`, in order."""
    events = Event.objects.filter(ticket_id=ticket_id, seq__gt=after).order_by("seq")
    return [frame(row) for row in events.values(*_FIELDS)[:limit]]


def list_all(*, after: str, limit: int) -> list[Frame]:
    """
    Return up to `limit` events of any ticket after the cursor `after`, in commit-safe order.

    Events of transactions that may still be running, or that began after one that is, are left
    for the next call: nothing is ever skipped.

    :raises BadCursor: if `after` was not issued here
    """
    events = _settled()
    if after:
        transaction, event_id = place_of(after)
        events = events.filter(
            Q(transaction__gt=transaction) | Q(transaction=transaction, id__gt=event_id)
        )
    return [frame(row) for row in events.order_by("transaction", "id").values(*_FIELDS)[:limit]]


def head_cursor() -> str:
    """Return the cursor of the newest settled event, or one before all events to come."""
    row = _settled().order_by("-transaction", "-id").values("transaction", "id").first()
    return keyset.encode("events", *((row["transaction"], row["id"]) if row else (0, 0)))


def place_of(cursor: str) -> Place:
    """
    Return the place in the global order that a cursor stands for.

    :raises BadCursor: if it was not issued here
    """
    transaction, event_id = keyset.decode("events", cursor, width=2)
    return transaction, event_id


def _settled() -> QuerySet[Event]:
    return Event.objects.filter(LessThan(F("transaction"), OldestRunningTransaction()))


def frame(row: dict[str, Any]) -> Frame:
    """Return the frame of a row of the journal."""
    return {
        "seq": row["seq"],
        "cursor": keyset.encode("events", row["transaction"], row["id"]),
        "type": row["type"],
        "ticket": row["ticket_id"],
        "occurred_at": keyset.moment(row["occurred_at"]),
        "trace_id": row["trace_id"],
        "data": row["data"],
    }
