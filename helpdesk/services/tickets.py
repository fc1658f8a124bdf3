"""Writes of tickets: opening, changing, and the one state machine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from helpdesk import events, metrics
from helpdesk.access import Right, has_right
from helpdesk.errors import HelpdeskError
from helpdesk.models import Contact, Ticket, User
from helpdesk.selectors import settings
from helpdesk.selectors.tickets import TicketNotFound, row_of, shape
from helpdesk.services import audit, journal

_S = Ticket.Status
MOVES: Final[dict[str, frozenset[str]]] = {
    _S.OPEN: frozenset({_S.PENDING, _S.RESOLVED, _S.CLOSED}),
    _S.PENDING: frozenset({_S.OPEN, _S.RESOLVED, _S.CLOSED}),
    _S.RESOLVED: frozenset({_S.OPEN, _S.CLOSED}),
    _S.CLOSED: frozenset(),  # what comes after a closed ticket is a new one that follows it
}


class InvalidTransition(HelpdeskError):
    status = 409
    code = "invalid_transition"


class StaleVersion(HelpdeskError):
    status = 412
    code = "stale_version"


class UnknownAssignee(HelpdeskError):
    code = "invalid"


def get_locked(*, ticket_id: int) -> Ticket:
    """
    Return the ticket with its row locked until the transaction ends.

    :raises TicketNotFound: if there is none with this id
    """
    tickets = Ticket.objects.select_for_update(no_key=True, of=("self",))
    try:
        return tickets.select_related("contact", "assignee").get(pk=ticket_id)
    except Ticket.DoesNotExist as error:
        raise TicketNotFound(f"There is no ticket {ticket_id}.") from error


def find_or_create_contact(*, channel: str, address: str, name: str, now: datetime) -> Contact:
    """Return the contact that `channel` knows by `address`, created when it is new."""
    contact, _ = Contact.objects.get_or_create(
        channel=channel,
        address=address,
        defaults={"name": name or address, "created_at": now},
    )
    return contact


@transaction.atomic
def open_ticket(
    *,
    subject: str,
    channel: str,
    contact: Contact,
    now: datetime,
    priority: str | None = None,
    follows: Ticket | None = None,
) -> Ticket:
    """
    Open a ticket for `contact` and announce it; its first message is the caller's to add.

    Without a `priority` it gets the one that the desk's settings name.
    """
    ticket = Ticket.objects.create(
        subject=subject,
        channel=channel,
        priority=priority or settings.current()["default_priority"],
        contact=contact,
        follows=follows,
        created_at=now,
        updated_at=now,
        last_activity_at=now,
    )
    _announce(ticket, events.TICKET_CREATED, now=now, fields=())
    return ticket


@transaction.atomic
def change(
    *,
    ticket_id: int,
    changes: dict[str, Any],
    version: int | None,
    now: datetime,
    actor: User | None = None,
    request_ip: str | None = None,
) -> Ticket:
    """
    Change subject, priority, tags or assignee of a ticket.

    `changes` holds only what is to change; `assignee` is a user id or None. `version` is the one
    the client saw: when it is given and no longer holds, nothing is written. Who assigns is told
    to the audit log; without an `actor` it was the desk itself, and is not.

    :raises TicketNotFound: if there is no such ticket
    :raises StaleVersion: if somebody changed it meanwhile
    :raises UnknownAssignee: if the assignee is nobody who may answer tickets
    """
    ticket = get_locked(ticket_id=ticket_id)
    if version is not None and version != ticket.version:
        raise StaleVersion("The ticket changed since you read it; read it again and repeat.")
    changed = dict(changes)
    if "assignee" in changed:
        before, ticket.assignee = ticket.assignee_id, _assignee(changed.pop("assignee"))
        if actor and before != ticket.assignee_id:
            audit.record(
                actor=actor,
                action="ticket.assign",
                target=ticket,
                before={"assignee": before},
                after={"assignee": ticket.assignee_id},
                request_ip=request_ip,
                now=now,
            )
    for field, value in changed.items():
        setattr(ticket, field, value)
    _announce(ticket, events.TICKET_UPDATED, now=now, fields=changes)
    return ticket


def _assignee(user_id: int | None) -> User | None:
    if user_id is None:
        return None
    user = User.objects.filter(pk=user_id).first()
    if user is None or not has_right(user, Right.WRITE):
        detail = f"There is no active user {user_id} who may answer tickets."
        raise UnknownAssignee(detail, fields={"assignee": [detail]})
    return user


@transaction.atomic
def move(
    *,
    ticket_id: int,
    status: str,
    now: datetime,
    actor: User | None = None,
    request_ip: str | None = None,
) -> Ticket:
    """
    Move a ticket to `status`; what an `actor` moves is told to the audit log.

    :raises TicketNotFound: if there is no such ticket
    :raises InvalidTransition: if the state machine forbids the move; nothing is written
    """
    ticket = get_locked(ticket_id=ticket_id)
    if status not in MOVES[ticket.status]:
        allowed = ", ".join(sorted(MOVES[ticket.status])) or "nothing"
        raise InvalidTransition(
            f"A ticket that is {ticket.status} cannot become {status}; it may become {allowed}."
        )
    if actor:
        audit.record(
            actor=actor,
            action="ticket.move",
            target=ticket,
            before={"status": ticket.status},
            after={"status": status},
            request_ip=request_ip,
            now=now,
        )
    set_status(ticket=ticket, status=status, now=now)
    _announce(ticket, events.TICKET_UPDATED, now=now, fields=("status", "resolved_at"))
    return ticket


def set_status(*, ticket: Ticket, status: str, now: datetime) -> None:
    """Set the status of a locked ticket in memory, with the times that go with it."""
    ticket.status = status
    if status == _S.RESOLVED:
        ticket.resolved_at = now
        metrics.RESOLUTION_SECONDS.observe((now - ticket.created_at).total_seconds())
    elif status in (_S.OPEN, _S.PENDING):
        ticket.resolved_at = None


def _announce(ticket: Ticket, type: str, *, now: datetime, fields: Iterable[str]) -> None:  # noqa: A002 - the frame's own word
    """Save the changed `fields`, count the version up and record the event."""
    if type == events.TICKET_UPDATED:
        ticket.version += 1
        ticket.updated_at = ticket.last_activity_at = now
    journal.record(ticket=ticket, type=type, data=shape(row_of(ticket)), now=now)
    ticket.save(update_fields=[*fields, "version", "updated_at", "last_activity_at", "event_seq"])
