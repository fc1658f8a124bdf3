"""What the desk does by itself, a bounded batch at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from helpdesk.models import Ticket
from helpdesk.selectors import settings
from helpdesk.selectors.tickets import TicketNotFound
from helpdesk.services import tickets

CLOSE_AT_ONCE: Final = 200


def close_resolved(*, now: datetime) -> int:
    """
    Close tickets that stayed resolved for `auto_close_after_days`; return how many.

    At most 200 a call, those first that were quiet longest; the next call takes the next ones.
    """
    before = now - timedelta(days=settings.current()["auto_close_after_days"])
    due = Ticket.objects.filter(status=Ticket.Status.RESOLVED, resolved_at__lt=before)
    found = due.order_by("last_activity_at", "id").values_list("id", flat=True)[:CLOSE_AT_ONCE]
    return sum(_close(ticket_id, before, now) for ticket_id in list(found))


@transaction.atomic
def _close(ticket_id: int, before: datetime, now: datetime) -> bool:
    """Close one ticket, unless it was reopened since it was found."""
    try:
        ticket = tickets.get_locked(ticket_id=ticket_id)
    except TicketNotFound:
        return False
    is_due = ticket.status == Ticket.Status.RESOLVED and (ticket.resolved_at or now) < before
    if is_due:
        tickets.move(ticket_id=ticket_id, status=Ticket.Status.CLOSED, now=now)
    return is_due
