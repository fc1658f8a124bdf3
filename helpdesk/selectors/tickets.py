"""Reads of tickets: pages, one ticket, and the shape in which everybody sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from helpdesk.errors import HelpdeskError
from helpdesk.models import Ticket
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none
from helpdesk.selectors.ticket_pages import FIELDS, TicketFilter, read_page


class TicketNotFound(HelpdeskError):
    status = 404
    code = "not_found"


def list_newest(*, wanted: TicketFilter, cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` tickets, newest activity first, that come after `cursor`.

    One query whose cost does not grow with the page number: the row comparison seeks into the
    (-last_activity_at, -id) index. `id` breaks ties.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    found = read_page(wanted=wanted, after=_position(cursor) if cursor else None, rows=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return keyset.Page(
        rows=[shape(row) for row in page], next_cursor=_cursor_after(page[-1]) if more else None
    )


def _cursor_after(row: dict[str, Any]) -> str:
    return keyset.encode("tickets", row["last_activity_at"].replace(tzinfo=UTC), row["id"])


def _position(cursor: str) -> tuple[datetime, int]:
    at, ticket_id = keyset.decode("tickets", cursor, width=2)
    return datetime.fromisoformat(at), int(ticket_id)


def get_one(*, ticket_id: int) -> dict[str, Any]:
    """
    Return one ticket in the shape of the API, with its `version` and `event_seq` beside.

    :raises TicketNotFound: if there is none with this id
    """
    row: dict[str, Any] | None = Ticket.objects.filter(pk=ticket_id).values(*FIELDS).first()
    if row is None:
        raise TicketNotFound(f"There is no ticket {ticket_id}.")
    return row


def head_seq(*, ticket_id: int) -> int | None:
    """Return the `seq` of the ticket's newest event, or None if there is no such ticket."""
    return Ticket.objects.filter(pk=ticket_id).values_list("event_seq", flat=True).first()


def row_of(ticket: Ticket) -> dict[str, Any]:
    """Return a loaded ticket (with contact and assignee) as a row of `FIELDS`."""
    related = ("contact__name", "contact__address", "assignee__name")
    row = {field: getattr(ticket, field) for field in FIELDS if field not in related}
    row["contact__name"], row["contact__address"] = ticket.contact.name, ticket.contact.address
    row["assignee__name"] = ticket.assignee.name if ticket.assignee else None
    return row


def shape(row: dict[str, Any]) -> dict[str, Any]:
    """Return the API's view of a row of `FIELDS`."""
    return {
        "id": row["id"],
        "number": row["number"],
        "subject": row["subject"],
        "status": row["status"],
        "priority": row["priority"],
        "channel": row["channel"],
        "contact": {
            "id": row["contact_id"],
            "name": row["contact__name"],
            "address": row["contact__address"],
        },
        "assignee": _assignee(row),
        "tags": row["tags"],
        "last_message": _last_message(row),
        "message_count": row["message_count"],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "last_activity_at": moment(row["last_activity_at"]),
        "first_response_at": moment_or_none(row["first_response_at"]),
        "resolved_at": moment_or_none(row["resolved_at"]),
    }


def _assignee(row: dict[str, Any]) -> dict[str, Any] | None:
    if row["assignee_id"] is None:
        return None
    return {"id": row["assignee_id"], "name": row["assignee__name"]}


def _last_message(row: dict[str, Any]) -> dict[str, Any] | None:
    if row["last_message_at"] is None:
        return None
    return {
        "preview": row["last_message_preview"],
        "direction": row["last_message_direction"],
        "created_at": moment(row["last_message_at"]),
    }
