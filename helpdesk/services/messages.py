"""Writes of messages by agents: a row that is its own outbox, and an event, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import orjson
from django.db import transaction

from helpdesk import dispatch, events, metrics, trace
from helpdesk.errors import HelpdeskError
from helpdesk.models import Attachment, IdempotencyKey, Message, Ticket, User
from helpdesk.selectors.messages import shape_of
from helpdesk.selectors.tickets import row_of, shape
from helpdesk.services import journal
from helpdesk.services.tickets import (
    find_or_create_contact,
    get_locked,
    open_ticket,
    set_status,
)

_PREVIEW_CHARS: Final = 140
TICKET_FIELDS: Final = (
    "status", "resolved_at", "version", "message_seq", "event_seq", "message_count",
    "last_message_preview", "last_message_direction", "last_message_at", "updated_at",
    "last_activity_at", "first_response_at",
)  # fmt: skip


class TicketClosed(HelpdeskError):
    status = 409
    code = "ticket_closed"


class KeyReused(HelpdeskError):
    status = 422
    code = "idempotency_key_reused"


class UnknownAttachment(HelpdeskError):
    code = "invalid"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets: a message, and whether this key had already been answered."""

    message: dict[str, Any]
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wants to say."""

    body: str
    kind: str = Message.Kind.OUTBOUND
    attachment_ids: tuple[int, ...] = ()

    def digest(self) -> str:
        parts = [self.kind, self.body, list(self.attachment_ids)]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


@trace.span("message.send")
@transaction.atomic
def send(
    *, ticket_id: int, author: User, draft: Draft, idempotency_key: str, now: datetime
) -> Answer:
    """
    Record an agent's message or note, once per `idempotency_key` (empty: no key).

    The key's row is inserted first: a twin in flight waits on its unique index and then finds
    the first answer, so parallel posts make one message. An outbound message is queued after
    commit; a rolled-back one is never sent.

    :raises TicketNotFound: if there is no such ticket
    :raises TicketClosed: if the ticket is closed
    :raises KeyReused: if the key was used for another message
    :raises UnknownAttachment: if an attachment does not exist, is not the author's or was sent
    """
    if not idempotency_key:
        return Answer(_write(ticket_id, author, draft, now), is_replay=False)
    slot, is_first = IdempotencyKey.objects.get_or_create(
        user=author,
        route=f"tickets/{ticket_id}/messages",
        key=idempotency_key,
        defaults={"request_digest": draft.digest(), "response": {}, "created_at": now},
    )
    if not is_first:
        return _replay(slot, draft)
    slot.response = _write(ticket_id, author, draft, now)
    slot.save(update_fields=["response"])
    return Answer(slot.response, is_replay=False)


@transaction.atomic
def open_conversation(
    *,
    subject: str,
    channel: str,
    contact: dict[str, str],
    body: str,
    now: datetime,
    priority: str | None = None,
) -> Ticket:
    """
    Open a ticket for a contact (`name`, `address`); `body`, if any, is what the contact wrote.
    """
    person = find_or_create_contact(channel=channel, now=now, **contact)
    opened = open_ticket(
        subject=subject, channel=channel, priority=priority, contact=person, now=now
    )
    ticket = get_locked(ticket_id=opened.pk)
    if body:
        take_in(ticket=ticket, body=body, now=now)
    return ticket


def take_in(*, ticket: Ticket, body: str, now: datetime, provider_id: str | None = None) -> None:
    """Add what the contact wrote to a locked ticket, and announce it and what it reopened."""
    status_before = ticket.status
    message = append(
        ticket=ticket,
        kind=Message.Kind.INBOUND,
        body=body,
        author=None,
        now=now,
        provider_id=provider_id,
    )
    journal.record(ticket=ticket, type=events.MESSAGE_CREATED, data=shape_of(message), now=now)
    if ticket.status != status_before:
        shaped = shape(row_of(ticket))
        journal.record(ticket=ticket, type=events.TICKET_UPDATED, data=shaped, now=now)
    ticket.save(update_fields=TICKET_FIELDS)


def _replay(slot: IdempotencyKey, draft: Draft) -> Answer:
    if slot.request_digest != draft.digest():
        raise KeyReused("This Idempotency-Key was used for another message; use a new one.")
    return Answer(slot.response, is_replay=True)


def _write(ticket_id: int, author: User, draft: Draft, now: datetime) -> dict[str, Any]:
    ticket = get_locked(ticket_id=ticket_id)
    if ticket.status == Ticket.Status.CLOSED and draft.kind == Message.Kind.OUTBOUND:
        raise TicketClosed("The ticket is closed; open a new one to write to this contact.")
    message = append(ticket=ticket, kind=draft.kind, body=draft.body, author=author, now=now)
    attachments = _attach(message, author, draft.attachment_ids)
    shaped = shape_of(message, attachments)
    journal.record(ticket=ticket, type=events.MESSAGE_CREATED, data=shaped, now=now)
    ticket.save(update_fields=TICKET_FIELDS)
    if message.status == Message.Status.QUEUED:
        transaction.on_commit(partial(ring, message_id=message.pk, due_at=now), robust=True)
    return shaped


def append(
    *, ticket: Ticket, kind: str, body: str, author: User | None, now: datetime, **fields: Any
) -> Message:
    """
    Add a message to a locked ticket, in memory counting the ticket's own numbers up.

    The caller records the event and saves the ticket's `TICKET_FIELDS`.
    """
    ticket.message_seq += 1
    ticket.message_count += 1
    is_outbound = kind == Message.Kind.OUTBOUND
    if not is_outbound:
        fields.setdefault("delivered_at", now)
    message = Message.objects.create(
        ticket=ticket,
        seq=ticket.message_seq,
        kind=kind,
        body=body,
        author=author,
        status=Message.Status.QUEUED if is_outbound else Message.Status.DELIVERED,
        next_attempt_at=now if is_outbound else None,
        rung_at=now if is_outbound else None,
        trace_id=trace.current_id(),
        traceparent=trace.traceparent() if trace.current_id() else "",
        created_at=now,
        **fields,
    )
    metrics.MESSAGES_TOTAL.labels(kind, ticket.channel, message.status).inc()
    _summarise(ticket, message, now)
    return message


def _summarise(ticket: Ticket, message: Message, now: datetime) -> None:
    """Repeat the newest message on its ticket and note a first response."""
    if message.kind != Message.Kind.NOTE:
        ticket.last_message_preview = message.body[:_PREVIEW_CHARS]
        ticket.last_message_direction = message.kind
        ticket.last_message_at = now
    if message.kind == Message.Kind.OUTBOUND and ticket.first_response_at is None:
        ticket.first_response_at = now
        metrics.FIRST_RESPONSE_SECONDS.observe((now - ticket.created_at).total_seconds())
    if message.kind == Message.Kind.INBOUND and ticket.status != Ticket.Status.OPEN:
        set_status(ticket=ticket, status=Ticket.Status.OPEN, now=now)
        ticket.version += 1
    ticket.updated_at = ticket.last_activity_at = now


def _attach(message: Message, author: User, attachment_ids: Sequence[int]) -> list[Attachment]:
    if not attachment_ids:
        return []
    mine = Attachment.objects.filter(
        pk__in=attachment_ids, message__isnull=True, uploaded_by=author
    )
    found = list(mine.select_for_update(no_key=True).order_by("id"))
    missing = sorted(set(attachment_ids) - {attachment.pk for attachment in found})
    if missing:
        detail = f"Not an attachment of yours that is still free: {missing}."
        raise UnknownAttachment(detail, fields={"attachments": [detail]})
    mine.update(message=message)
    return found


def ring(*, message_id: int, due_at: datetime) -> None:
    """Put the delivery job on the queue; if the broker is deaf, let the next sweep ring it."""
    rung = dispatch.enqueue(dispatch.DELIVER_MESSAGE, due_at=due_at, message_id=message_id)
    if not rung:
        Message.objects.filter(pk=message_id).update(rung_at=None)
