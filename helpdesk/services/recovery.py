"""
The guarantee: what is due in PostgreSQL is rung again, whatever Redis or a worker lost.

Run by `manage.py requeue_stale`, a process of its own, at least every second.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from helpdesk import dispatch
from helpdesk.models import (
    Campaign,
    Canary,
    IdempotencyKey,
    Message,
    ProviderEvent,
    SocketTicket,
    WebhookDelivery,
)
from helpdesk.selectors import campaigns as campaign_reads
from helpdesk.services import campaigns, webhook_delivery

RING_AGAIN_SECONDS: Final = 15
DISPATCHER_COMES_WITHIN_SECONDS: Final = 5
CANARY_EVERY: Final = timedelta(seconds=10)
FIRST_CANARY_AFTER: Final = timedelta(seconds=20)
SWEEP_LIMIT: Final = 500
KEYS_KEPT_HOURS: Final = 48


def sweep(*, now: datetime) -> int:
    """Ring every due message and event that nobody was told of lately; return how many."""
    messages = Message.objects.filter(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    provider_events = ProviderEvent.objects.filter(processed_at__isnull=True)
    webhooks = WebhookDelivery.objects.filter(status=WebhookDelivery.Status.PENDING)
    return (
        _ring(messages, dispatch.DELIVER_MESSAGE, "message_id", now)
        + _ring(provider_events, dispatch.RECEIVE_PROVIDER_EVENT, "event_id", now)
        + _ring(webhooks, dispatch.DELIVER_WEBHOOK, "delivery_id", now)
        + ring_campaigns(now=now)
    )


def ring_campaigns(*, now: datetime) -> int:
    """Call a dispatcher if campaigns have work that none was called for; return 1 or 0."""
    quiet_since = now - timedelta(seconds=DISPATCHER_COMES_WITHIN_SECONDS)
    not_told = Campaign.objects.filter(Q(rung_at__isnull=True) | Q(rung_at__lt=quiet_since))
    waiting = list(campaign_reads.with_work(now=now).values_list("pk", flat=True))
    if not waiting or not not_told.filter(pk__in=waiting).update(rung_at=now):
        return 0
    return int(campaigns.ring(campaign_ids=waiting, now=now))


def _ring(due: QuerySet[Any], task: str, argument: str, now: datetime) -> int:
    rung = _take_due(due, now)
    for row in rung:
        taken = dispatch.enqueue(task, due_at=row.next_attempt_at, **{argument: row.pk})
        if not taken:  # the broker is deaf: leave the rest for the next sweep
            due.filter(pk__in=[row.pk for row in rung]).update(rung_at=None)
            return 0
    return len(rung)


@transaction.atomic
def _take_due(due: QuerySet[Any], now: datetime) -> list[Any]:
    """Mark the oldest due rows as rung and return them; two sweepers never take the same row."""
    quiet_since = now - timedelta(seconds=RING_AGAIN_SECONDS)
    not_told = Q(rung_at__isnull=True) | Q(rung_at__lt=quiet_since)
    rows = list(
        due.filter(not_told, next_attempt_at__lte=now)
        .select_for_update(skip_locked=True, no_key=True)
        .only("next_attempt_at")
        .order_by("next_attempt_at", "id")[:SWEEP_LIMIT]
    )
    due.filter(pk__in=[row.pk for row in rows]).update(rung_at=now)
    return rows


def start_canaries(*, now: datetime) -> None:
    """Forget canaries that were due while nobody was there to run them, and keep one a queue."""
    for queue in settings.HELPDESK["QUEUES"]:
        Canary.objects.update_or_create(queue=queue, defaults={"due_at": now, "started_at": now})


def send_canaries(*, now: datetime) -> None:
    """Make a canary due on every queue whose last one started; ring the late ones again."""
    for canary in Canary.objects.order_by("queue"):
        if canary.started_at is not None and canary.started_at >= canary.due_at:
            canary.due_at = now
            canary.save(update_fields=["due_at"])
        dispatch.enqueue(
            dispatch.CANARY, due_at=canary.due_at, queue=canary.queue, canary=canary.queue
        )


def land_canary(*, queue: str, now: datetime) -> None:
    """Note that a worker of `queue` took its canary."""
    Canary.objects.filter(queue=queue).update(started_at=now)


def forget_expired(*, now: datetime) -> None:
    """Delete socket tickets, idempotency keys and finished webhooks past their time."""
    webhook_delivery.forget_old(now=now)
    SocketTicket.objects.filter(expires_at__lt=now - timedelta(minutes=5)).delete()
    keys = IdempotencyKey.objects.filter(created_at__lt=now - timedelta(hours=KEYS_KEPT_HOURS))
    keys.delete()
