"""Celery entry points: decide nothing, call one service. Queues: `CELERY_TASK_ROUTES`."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from helpdesk import dispatch
from helpdesk.provider.egress import get_egress
from helpdesk.provider.http import get_provider
from helpdesk.services import (
    campaign_sending,
    daily,
    delivery,
    housekeeping,
    provider_events,
    recovery,
    webhook_delivery,
)


@shared_task(name=dispatch.DELIVER_MESSAGE)
def deliver_message(*, message_id: int, **_future: Any) -> None:
    """Deliver one message; arguments added later reach old workers in `_future`."""
    delivery.deliver(message_id=message_id, provider=get_provider(), now=timezone.now())


@shared_task(name=dispatch.DELIVER_WEBHOOK)
def deliver_webhook(*, delivery_id: int, **_future: Any) -> None:
    """Tell one webhook endpoint of one event."""
    webhook_delivery.deliver(delivery_id=delivery_id, egress=get_egress(), now=timezone.now())


@shared_task(name=dispatch.RECEIVE_PROVIDER_EVENT)
def receive_provider_event(*, event_id: int, **_future: Any) -> None:
    """Act on one stored webhook of the provider."""
    provider_events.receive(event_id=event_id, now=timezone.now())


@shared_task(name=dispatch.DISPATCH_CAMPAIGNS)
def dispatch_campaigns(**_future: Any) -> None:
    """Send for all running campaigns for some seconds; the sweeper calls it while there are any."""
    campaign_sending.take_turn(provider=get_provider())


@shared_task(name=dispatch.CANARY)
def canary(*, canary: str, **_future: Any) -> None:
    """Show that the worker of a queue is alive; its lag is measured like any job's."""
    recovery.land_canary(queue=canary, now=timezone.now())


@shared_task(name=dispatch.ROLL_UP_DAYS)
def roll_up_days(**_future: Any) -> None:
    """Count yesterday and today for the charts; beat calls this every hour."""
    daily.roll_up_recent(now=timezone.now())


@shared_task(name=dispatch.CLOSE_RESOLVED)
def close_resolved(**_future: Any) -> None:
    """Close tickets that stayed resolved; beat calls this every few minutes."""
    housekeeping.close_resolved(now=timezone.now())
