"""What the provider tells us: stored once, acknowledged, then acted on as often as it takes."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from helpdesk import dispatch, metrics, trace
from helpdesk.models import Channel, Contact, Message, ProviderEvent, Ticket
from helpdesk.services import campaign_recipients, delivery, messages, tickets

MESSAGE_STATUS: Final = "message.status"
MESSAGE_RECEIVED: Final = "message.received"
_STATUSES: Final = {"sent", "delivered", "read", "failed"}
_SUBJECT_CHARS: Final = 80
_WAITING: Final = "waiting"


class MalformedEvent(Exception):
    """The event is signed but says nothing that can be acted on."""


@transaction.atomic
def store(*, webhook_id: str, payload: dict[str, Any], now: datetime) -> bool:
    """
    Keep one webhook of the provider; return whether it is new.

    A repeat changes nothing. The job that acts on it is rung after commit, so the provider gets
    its answer however slow the acting is.
    """
    event, is_new = ProviderEvent.objects.get_or_create(
        webhook_id=webhook_id,
        defaults={
            "type": _storable(str(payload.get("type", "")))[:40],
            "payload": _storable(payload),
            "trace_id": trace.current_id(),
            "received_at": now,
            "next_attempt_at": now,
            "rung_at": now,
        },
    )
    if is_new:
        transaction.on_commit(partial(ring, event_id=event.pk, due_at=now), robust=True)
    return is_new


def _storable(value: Any) -> Any:
    """Return `value` without NUL characters, which PostgreSQL stores in no text."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value


def ring(*, event_id: int, due_at: datetime) -> None:
    """Put the event's job on the queue; if the broker is deaf, let the next sweep ring it."""
    rung = dispatch.enqueue(dispatch.RECEIVE_PROVIDER_EVENT, due_at=due_at, event_id=event_id)
    if not rung:
        ProviderEvent.objects.filter(pk=event_id).update(rung_at=None)


def receive(*, event_id: int, now: datetime) -> bool:
    """
    Act on a stored event; return whether this call did.

    Attempts are counted before the work. An event that cannot be understood is closed with its
    reason; one whose message is not known yet waits for the next sweep.
    """
    event = _claim(event_id, now)
    if event is None:
        return False
    with trace.span("provider_event.receive", parent=event.trace_id, kind=trace.CONSUMER):
        outcome, reason = _outcome(event, now)
        if outcome == _WAITING:
            return False
        ProviderEvent.objects.filter(pk=event.pk).update(processed_at=now, error=reason[:300])
    elapsed = (timezone.now() - event.received_at).total_seconds()
    metrics.PROVIDER_EVENT_SECONDS.labels(outcome).observe(elapsed)
    return True


def _outcome(event: ProviderEvent, now: datetime) -> tuple[str, str]:
    """Act on `event`; return what came of it and, where it is not done, why."""
    last_attempt = settings.HELPDESK["MAX_ATTEMPTS"]
    if event.attempts > last_attempt:  # whatever fails or kills its worker each time cannot loop
        return "gave_up", "The last attempt never came back."
    try:
        _act(event, now)
    except (MalformedEvent, ValidationError) as error:
        return "malformed", str(error)
    except Message.DoesNotExist:
        if event.attempts < last_attempt:
            return _WAITING, ""
        return "unknown", "No message of ours has this reference."
    return "done", ""


def _claim(event_id: int, now: datetime) -> ProviderEvent | None:
    lease = now + timedelta(seconds=settings.HELPDESK["LEASE_SECONDS"])
    claimed = ProviderEvent.objects.filter(
        pk=event_id, processed_at__isnull=True, next_attempt_at__lte=now
    ).update(attempts=F("attempts") + 1, next_attempt_at=lease)
    return ProviderEvent.objects.get(pk=event_id) if claimed else None


def _act(event: ProviderEvent, now: datetime) -> None:
    data = event.payload.get("data")
    if not isinstance(data, dict):
        raise MalformedEvent("The event has no data.")
    if event.type == MESSAGE_STATUS:
        _advance(data, at=_occurred_at(event), now=now)
    elif event.type == MESSAGE_RECEIVED:
        _take_in(data, now=now)
    else:
        raise MalformedEvent(f"Nobody here knows events of type {event.type!r}.")


def _occurred_at(event: ProviderEvent) -> datetime:
    """Return when the provider says it happened, or when we heard of it."""
    try:
        at = parse_datetime(str(event.payload.get("timestamp", "")))
    except ValueError:
        at = None
    return at if at and at.tzinfo else event.received_at


def _advance(data: dict[str, Any], *, at: datetime, now: datetime) -> None:
    status = data.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        raise MalformedEvent(f"{status!r} is no delivery status.")
    error = str(data.get("error") or "The provider could not deliver it.")
    fields: dict[str, Any] = {
        "status": status,
        "at": at,
        "provider_id": str(data.get("id") or "")[:100],
        "error": error[:300] if status == Message.Status.FAILED else "",
    }
    key = str(data.get("reference"))
    if not campaign_recipients.advance_by_key(key=key, **fields):
        message_id = Message.objects.values_list("pk", flat=True).get(key=key)
        delivery.advance(message_id=message_id, now=now, **fields)


@transaction.atomic
def _take_in(data: dict[str, Any], *, now: datetime) -> None:
    """
    Add a customer's message to their ticket, or open one.

    The contact's row lock makes two quick messages take turns: they never open two tickets.
    """
    channel, address, provider_id = (str(data.get(n) or "") for n in ("channel", "from", "id"))
    if channel not in Channel.values or not address or not provider_id:
        raise MalformedEvent("A received message needs a known channel, a from and an id.")
    provider_id = provider_id[:100]
    contact = tickets.find_or_create_contact(
        channel=channel, address=address[:254], name=str(data.get("name") or "")[:120], now=now
    )
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    if Message.objects.filter(provider_id=provider_id).exists():
        return
    body = str(data.get("body") or "")[: Message.MAX_BODY_CHARS]
    ticket = _ticket_of(contact, body, now)
    messages.take_in(ticket=ticket, body=body, now=now, provider_id=provider_id)


def _ticket_of(contact: Contact, body: str, now: datetime) -> Ticket:
    """Return the contact's newest ticket that is not closed, locked, or a new one."""
    newest_first = Ticket.objects.filter(contact=contact).order_by("-last_activity_at", "-id")
    not_closed = newest_first.exclude(status=Ticket.Status.CLOSED)
    for ticket_id in not_closed.values_list("pk", flat=True):
        locked = tickets.get_locked(ticket_id=ticket_id)
        if locked.status != Ticket.Status.CLOSED:  # it may have been closed while we waited
            return locked
    opened = tickets.open_ticket(
        subject=(body.strip().splitlines() or ["(no text)"])[0][:_SUBJECT_CHARS] or "(no text)",
        channel=contact.channel,
        contact=contact,
        now=now,
        follows=newest_first.first(),
    )
    return tickets.get_locked(ticket_id=opened.pk)
