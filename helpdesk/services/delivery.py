"""
How a message travels to its contact: claim, call, and a status that only moves forward.

A worker claims the row for a lease before it calls; whoever loses the claim returns. Attempts are
counted before the work, so a message that kills its worker cannot loop. The provider sees the
same key at every attempt: it is told at least once and acts once.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from helpdesk import events, metrics, trace
from helpdesk.models import DeadLetter, Message, Ticket
from helpdesk.provider.client import NotCalled, Outgoing, Provider, ProviderError
from helpdesk.selectors.messages import get_one
from helpdesk.services import journal
from helpdesk.services.messages import ring
from helpdesk.services.tickets import get_locked

_S = Message.Status
# A provider's late "delivered" proves that a "failed" was wrong; never the other way round.
RANK: Final[dict[str, int]] = {
    _S.QUEUED: 0, _S.SENDING: 1, _S.SENT: 2, _S.FAILED: 3, _S.DELIVERED: 4, _S.READ: 5,
}  # fmt: skip
_TIME_OF: Final[dict[str, str]] = {
    _S.SENT: "sent_at",
    _S.DELIVERED: "delivered_at",
    _S.READ: "read_at",
    _S.FAILED: "failed_at",
}
logger = logging.getLogger(__name__)
BACKOFF_BASE_SECONDS: Final = 1.0
BACKOFF_MAX_SECONDS: Final = 60.0


def claim(*, message_id: int, now: datetime) -> Message | None:
    """Take the message for one attempt; return None if it is not due or somebody else has it."""
    lease = now + timedelta(seconds=settings.HELPDESK["LEASE_SECONDS"])
    due = Q(status=_S.QUEUED, next_attempt_at__lte=now) | Q(status=_S.SENDING, lease_until__lte=now)
    claimed = Message.objects.filter(due, pk=message_id).update(
        status=_S.SENDING, attempts=F("attempts") + 1, lease_until=lease, next_attempt_at=lease
    )
    if not claimed:
        return None
    return Message.objects.select_related("ticket__contact").get(pk=message_id)


def deliver(*, message_id: int, provider: Provider, now: datetime) -> bool:
    """
    Hand a due message to the provider; return whether this call sent it.

    Safe to repeat. A refusal that may pass is kept in the row as `next_attempt_at`; one that
    cannot pass, or the last attempt, makes a dead letter.
    """
    message = claim(message_id=message_id, now=now)
    if message is None:
        return False
    parent = message.traceparent or message.trace_id  # a swept job, too, belongs to the trace
    with trace.span("message.deliver", parent=parent, kind=trace.CONSUMER):
        if message.attempts > settings.HELPDESK["MAX_ATTEMPTS"]:
            give_up(message=message, reason="The last attempt never came back.", now=now)
            return False
        try:
            provider_id = provider.send(_outgoing(message))
        except NotCalled as refusal:
            _give_back(message, refusal)
            return False
        except ProviderError as error:
            _retry_or_give_up(message, error)
            return False
        sent_at = timezone.now()
        advance(
            message_id=message.pk,
            status=_S.SENT,
            at=sent_at,
            now=sent_at,
            provider_id=provider_id,
        )
    return True


def _outgoing(message: Message) -> Outgoing:
    ticket = message.ticket
    return Outgoing(
        key=message.key,
        channel=ticket.channel,
        to=ticket.contact.address,
        body=message.body,
    )


def _give_back(message: Message, refusal: NotCalled) -> None:
    """
    Undo the claim: while the circuit is open nobody is called, so no attempt is used up.

    However long the provider is away, only the probes count, one message each: an outage makes
    no heap of dead letters.
    """
    _wait(message, refusal, attempts=message.attempts - 1)


def _retry_or_give_up(message: Message, error: ProviderError) -> None:
    logger.warning(
        "provider did not take message %s (attempt %s): %s", message.pk, message.attempts, error
    )
    if error.permanent or message.attempts >= settings.HELPDESK["MAX_ATTEMPTS"]:
        give_up(message=message, reason=str(error), now=timezone.now())
        return
    _wait(message, error, attempts=message.attempts)


def _wait(message: Message, error: ProviderError, *, attempts: int) -> None:
    now = timezone.now()  # the call took its time; the wait begins after it
    wait_seconds = error.retry_after_seconds or backoff_seconds(message.attempts)
    mine = Message.objects.filter(pk=message.pk, status=_S.SENDING, attempts=message.attempts)
    mine.update(
        status=_S.QUEUED,
        attempts=attempts,
        next_attempt_at=now + timedelta(seconds=wait_seconds),
        lease_until=None,
        rung_at=None,
        error=str(error)[:300],
    )


def backoff_seconds(attempts: int) -> float:
    """
    Return how long to wait after `attempts` failures: exponential with full jitter.

    Source: AWS Architecture Blog, "Exponential Backoff and Jitter" (full jitter).
    """
    ceiling = min(BACKOFF_MAX_SECONDS, BACKOFF_BASE_SECONDS * 2 ** (attempts - 1))
    return random.uniform(0.1, ceiling)


def give_up(*, message: Message, reason: str, now: datetime) -> None:
    """Mark the message failed and keep it as a dead letter with its reason."""
    advance(message_id=message.pk, status=_S.FAILED, at=now, now=now, error=reason[:300])


def start_over(*, ticket: Ticket, message_id: int, now: datetime) -> None:
    """
    Queue a failed message of a locked ticket anew, as if it had never been tried.

    The one move backwards, and only people ask for it. The key stays: it is the same message.
    """
    Message.objects.filter(pk=message_id, status=_S.FAILED).update(
        status=_S.QUEUED,
        attempts=0,
        next_attempt_at=now,
        rung_at=now,
        failed_at=None,
        error="",
    )
    _tell(ticket, message_id, _S.QUEUED, now)
    transaction.on_commit(partial(ring, message_id=message_id, due_at=now), robust=True)


@transaction.atomic
def advance(
    *,
    message_id: int,
    status: str,
    at: datetime,
    now: datetime,
    provider_id: str = "",
    error: str = "",
) -> bool:
    """
    Move a message forward to `status`, which it reached `at`; return whether it moved.

    Duplicates and events out of order change nothing but a time that was missing or is earlier
    than thought, so any order of the same events ends in the same row. The ticket's lock makes
    writers take turns.

    :raises Message.DoesNotExist: if there is no such message
    """
    ticket_id = Message.objects.values_list("ticket_id", flat=True).get(pk=message_id)
    ticket = get_locked(ticket_id=ticket_id)
    current = Message.objects.get(pk=message_id)
    changes: dict[str, Any] = {}
    reached_at = getattr(current, _TIME_OF[status])
    if reached_at is None or at < reached_at:
        changes[_TIME_OF[status]] = at
    if provider_id and current.provider_id is None:
        changes["provider_id"] = provider_id
    moves = RANK[status] > RANK[current.status]
    if moves:
        changes |= {"status": status, "error": error, "next_attempt_at": None, "lease_until": None}
    if changes:
        Message.objects.filter(pk=message_id).update(**changes)
    if moves:
        _bury_or_close(current, status, error, now)
        _tell(ticket, message_id, status, now)
    return moves


def _bury_or_close(message: Message, status: str, reason: str, now: datetime) -> None:
    """
    Keep a dead letter for what failed, whoever says so, and close that of what arrived after all.
    """
    if status != _S.FAILED:
        DeadLetter.objects.filter(message=message, redriven_at__isnull=True).update(redriven_at=now)
        return
    DeadLetter.objects.update_or_create(
        message=message,
        defaults={
            "reason": reason,
            "attempts": message.attempts,
            "trace_id": message.trace_id,
            "created_at": now,
            "redriven_at": None,
        },
    )


def _tell(ticket: Ticket, message_id: int, status: str, now: datetime) -> None:
    shaped = get_one(message_id=message_id)
    metrics.MESSAGES_TOTAL.labels(shaped["kind"], ticket.channel, status).inc()
    journal.record(ticket=ticket, type=events.MESSAGE_UPDATED, data=shaped, now=now)
    ticket.save(update_fields=["event_seq"])
