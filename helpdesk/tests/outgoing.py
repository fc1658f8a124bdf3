"""Rows, attempts and events for the tests of outgoing webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from helpdesk.models import Ticket, WebhookDelivery, WebhookEndpoint
from helpdesk.provider.egress import Egress
from helpdesk.services import journal, webhook_delivery
from helpdesk.services.tickets import get_locked
from helpdesk.tests.factories import LONG_AGO

OUT = Egress(may_reach_loopback=True)
API = "/api/v1/webhook-endpoints"


def pending(endpoint: WebhookEndpoint, **changes: Any) -> WebhookDelivery:
    fields = {
        "endpoint": endpoint, "event_type": "ticket.updated", "payload": {"type": "ticket.updated"},
        "next_attempt_at": LONG_AGO, "created_at": LONG_AGO, **changes,
    }  # fmt: skip
    return WebhookDelivery.objects.create(**fields)


def attempt(delivery: WebhookDelivery, *, at: datetime | None = None) -> WebhookDelivery:
    """Make one attempt, due now whatever the row says, and return the row after it."""
    now = at or timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk, status="pending").update(next_attempt_at=now)
    webhook_delivery.deliver(delivery_id=delivery.pk, egress=OUT, now=now)
    delivery.refresh_from_db()
    return delivery


def happen(ticket: Ticket, type: str = "ticket.updated", **data: Any) -> None:  # noqa: A002 - the frame's own word
    with transaction.atomic():
        locked = get_locked(ticket_id=ticket.pk)
        journal.record(ticket=locked, type=type, data=data, now=timezone.now())
        locked.save(update_fields=["event_seq"])


def samples(outcome: str) -> float:
    name = "helpdesk_webhook_delivery_seconds_count"
    return REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0
