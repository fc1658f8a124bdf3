"""What is stuck, counted from rows: it holds with Redis and every worker dead."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q

from helpdesk.models import Canary, Message, ProviderEvent, WebhookDelivery
from helpdesk.selectors import campaigns


def count_stalled(*, now: datetime) -> dict[str, int]:
    """Return, by queue, the jobs due for `STALLED_AFTER_SECONDS` that no worker started."""
    late = now - timedelta(seconds=settings.HELPDESK["STALLED_AFTER_SECONDS"])
    stalled = dict.fromkeys(settings.HELPDESK["QUEUES"], 0)
    outstanding = Q(started_at__isnull=True) | Q(started_at__lt=F("due_at"))
    for queue in Canary.objects.filter(outstanding, due_at__lt=late).values_list(
        "queue", flat=True
    ):
        stalled[queue] = stalled.get(queue, 0) + 1
    unfinished = [Message.Status.QUEUED, Message.Status.SENDING]
    messages = Message.objects.filter(status__in=unfinished, next_attempt_at__lt=late)
    provider_events = ProviderEvent.objects.filter(
        processed_at__isnull=True, next_attempt_at__lt=late
    )
    stalled["messages"] += messages.count()
    webhooks = WebhookDelivery.objects.filter(
        status=WebhookDelivery.Status.PENDING, next_attempt_at__lt=late
    )
    stalled["webhooks"] += provider_events.count() + webhooks.count()
    stalled["campaigns"] += campaigns.count_unserved(late=late)
    return stalled
