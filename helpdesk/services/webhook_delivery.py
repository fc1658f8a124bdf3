"""
How an event travels to those who asked to be told: claim, sign, call, and try again for days.

Attempts are counted before the call; the id that the receiver sees is the same at every one. An
endpoint that keeps failing is tried by one delivery at a time while the others wait, so that one
which hangs cannot hold up the rest of the queue.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from helpdesk import dispatch, events, metrics, trace
from helpdesk.models import WebhookDelivery, WebhookEndpoint
from helpdesk.provider.egress import Egress, ForbiddenUrl, NoAnswer
from helpdesk.provider.http import retry_after_seconds
from helpdesk.provider.signing import sign
from helpdesk.services import audit

_S = WebhookDelivery.Status
# What Standard Webhooks recommends: the wait before each attempt, the first at once.
WAITS_SECONDS: Final = (
    0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
)  # fmt: skip
MAX_ATTEMPTS: Final = len(WAITS_SECONDS)
MAX_RETRY_AFTER_SECONDS: Final = 86_400.0
FAILURES_TO_PAUSE: Final = 3
_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 5, 300
DISABLED_AFTER: Final = timedelta(days=5)
KEPT: Final = timedelta(days=30)
_FORGET_LIMIT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What came of one call; `status` is None when no answer arrived."""

    status: int | None
    latency_ms: int
    error: str = ""
    retry_after: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and HTTPStatus(200) <= self.status < HTTPStatus(300)


def ring_on_commit(*, delivery_ids: Iterable[int], due_at: datetime) -> None:
    """Put deliveries on the queue once their rows are there for everybody."""
    for delivery_id in delivery_ids:
        transaction.on_commit(partial(ring, delivery_id=delivery_id, due_at=due_at), robust=True)


def ring(*, delivery_id: int, due_at: datetime) -> None:
    """Put a delivery's job on the queue; if the broker is deaf, let the next sweep ring it."""
    rung = dispatch.enqueue(dispatch.DELIVER_WEBHOOK, due_at=due_at, delivery_id=delivery_id)
    if not rung:
        WebhookDelivery.objects.filter(pk=delivery_id).update(rung_at=None)


def deliver(*, delivery_id: int, egress: Egress, now: datetime) -> bool:
    """
    Make one attempt at a due delivery; return whether the endpoint took it.

    Safe to repeat: whoever does not get the claim returns.
    """
    delivery = _claim(delivery_id, now)
    if delivery is None:
        return False
    parent = delivery.traceparent or delivery.trace_id
    with trace.span("webhook.deliver", parent=parent, kind=trace.CONSUMER):
        if not delivery.endpoint.is_active:
            _give_up(delivery, error="The endpoint is disabled.", now=now)
        elif delivery.attempts > MAX_ATTEMPTS:
            _give_up(delivery, error="The last attempt never came back.", now=now)
        elif not _may_try(delivery, now):
            _give_back(delivery, now)
        else:
            attempt = _call(delivery, egress, now)
            _settle(delivery, attempt, timezone.now())
            return attempt.is_delivered
    return False


def _claim(delivery_id: int, now: datetime) -> WebhookDelivery | None:
    lease = now + timedelta(seconds=settings.HELPDESK["LEASE_SECONDS"])
    claimed = WebhookDelivery.objects.filter(
        pk=delivery_id, status=_S.PENDING, next_attempt_at__lte=now
    ).update(attempts=F("attempts") + 1, next_attempt_at=lease)
    if not claimed:
        return None
    return WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)


def _may_try(delivery: WebhookDelivery, now: datetime) -> bool:
    """Tell whether the endpoint works or, if it does not, whether this is its turn to be tried."""
    endpoint = delivery.endpoint
    if endpoint.failures < FAILURES_TO_PAUSE or delivery.event_type == events.WEBHOOK_TEST:
        return True
    lease = now + timedelta(seconds=settings.HELPDESK["LEASE_SECONDS"])
    is_over = Q(paused_until__isnull=True) | Q(paused_until__lte=now)
    taken = WebhookEndpoint.objects.filter(is_over, pk=endpoint.pk).update(paused_until=lease)
    return bool(taken)


def _give_back(delivery: WebhookDelivery, now: datetime) -> None:
    """Undo the claim until the endpoint's pause is over: nobody was called."""
    delivery.endpoint.refresh_from_db(fields=["paused_until"])
    until = max(delivery.endpoint.paused_until or now, now)
    _mine(delivery).update(
        attempts=F("attempts") - 1,
        next_attempt_at=until + timedelta(seconds=random.uniform(0, 1)),
        rung_at=None,
    )


def _mine(delivery: WebhookDelivery) -> Any:
    """Return the row, unless somebody took it over when our lease ended."""
    return WebhookDelivery.objects.filter(
        pk=delivery.pk, status=_S.PENDING, attempts=delivery.attempts
    )


def _call(delivery: WebhookDelivery, egress: Egress, now: datetime) -> _Attempt:
    body = orjson.dumps(delivery.payload)
    began = time.monotonic()
    try:
        answer = egress.post(
            delivery.endpoint.url,
            content=body,
            headers=_headers(delivery, body, now),
            deadline_seconds=settings.HELPDESK["WEBHOOK_DEADLINE_SECONDS"],
        )
    except (ForbiddenUrl, NoAnswer) as error:
        return _Attempt(status=None, latency_ms=_elapsed_ms(began), error=str(error)[:300])
    is_good = HTTPStatus(200) <= answer.status < HTTPStatus(300)
    return _Attempt(
        status=answer.status,
        latency_ms=_elapsed_ms(began),
        error="" if is_good else f"The endpoint answered {answer.status}.",
        retry_after=answer.retry_after,
    )


def _elapsed_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _headers(delivery: WebhookDelivery, body: bytes, now: datetime) -> dict[str, str]:
    webhook_id, timestamp = str(delivery.key), int(now.timestamp())
    signature = sign(
        secret=delivery.endpoint.secret, webhook_id=webhook_id, timestamp=timestamp, body=body
    )
    return {
        "content-type": "application/json",
        "user-agent": "Steadydesk-Webhooks/1.0",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
        "traceparent": trace.traceparent(),
    }


@transaction.atomic
def _settle(delivery: WebhookDelivery, attempt: _Attempt, now: datetime) -> None:
    seen = {"response_status": attempt.status, "latency_ms": attempt.latency_ms}
    if attempt.is_delivered:
        _close(delivery, now, status=_S.DELIVERED, delivered_at=now, error="", **seen)
        _forgive(delivery.endpoint, now)
        return
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
    _note_failure(endpoint, attempt, now)
    if delivery.attempts >= MAX_ATTEMPTS or attempt.status == HTTPStatus.GONE:
        _give_up(delivery, now=now, error=attempt.error, **seen)
    else:
        wait = timedelta(seconds=_wait_seconds(delivery.attempts, attempt, now))
        _mine(delivery).update(
            next_attempt_at=now + wait, rung_at=None, error=attempt.error, **seen
        )
    if endpoint.is_active and (reason := _reason_to_disable(endpoint, attempt, now)):
        disable(endpoint=endpoint, reason=reason, now=now)


def _wait_seconds(attempts: int, attempt: _Attempt, now: datetime) -> float:
    """Return the wait after `attempts` failures; who asks for a longer one by header gets it."""
    planned = WAITS_SECONDS[attempts] * random.uniform(0.9, 1.1)
    return max(planned, _asked_seconds(attempt, now))


def _asked_seconds(attempt: _Attempt, now: datetime) -> float:
    asked = retry_after_seconds(attempt.retry_after, now=now, cap_seconds=MAX_RETRY_AFTER_SECONDS)
    return asked or 0.0


def _note_failure(endpoint: WebhookEndpoint, attempt: _Attempt, now: datetime) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    pause = _asked_seconds(attempt, now)
    beyond = endpoint.failures - FAILURES_TO_PAUSE
    if beyond >= 0:
        pause = max(pause, min(_PAUSE_SECONDS * 2 ** min(beyond, 10), _MAX_PAUSE_SECONDS))
    endpoint.paused_until = now + timedelta(seconds=pause)
    endpoint.save(update_fields=["failures", "failing_since", "paused_until"])


def _forgive(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Forget the failures of an endpoint that works again, and hurry what waited for that."""
    worked_again = WebhookEndpoint.objects.filter(pk=endpoint.pk, failures__gt=0).update(
        failures=0, failing_since=None, paused_until=None
    )
    if worked_again:
        waiting = WebhookDelivery.objects.filter(
            endpoint=endpoint, status=_S.PENDING, attempts=0, next_attempt_at__gt=now
        )
        waiting.update(next_attempt_at=now, rung_at=None)


def _reason_to_disable(endpoint: WebhookEndpoint, attempt: _Attempt, now: datetime) -> str:
    if attempt.status == HTTPStatus.GONE:
        return "The endpoint answered 410: it is gone."
    if endpoint.failing_since and now - endpoint.failing_since >= DISABLED_AFTER:
        return f"Nothing could be delivered for {DISABLED_AFTER.days} days."
    return ""


@transaction.atomic
def disable(*, endpoint: WebhookEndpoint, reason: str, now: datetime) -> None:
    """Deliver nothing to `endpoint` any more; what waits for it is given up."""
    endpoint.is_active, endpoint.disabled_reason = False, reason
    endpoint.save(update_fields=["is_active", "disabled_reason"])
    WebhookDelivery.objects.filter(endpoint=endpoint, status=_S.PENDING).update(
        status=_S.FAILED, next_attempt_at=None, error=reason
    )
    audit.record(
        actor=None,
        action="webhook_endpoint.disable",
        target=endpoint,
        before={"is_active": True},
        after={"is_active": False, "disabled_reason": reason},
        now=now,
    )


def _give_up(delivery: WebhookDelivery, *, error: str, now: datetime, **seen: Any) -> None:
    _close(delivery, now, status=_S.FAILED, error=error, **seen)


def _close(delivery: WebhookDelivery, now: datetime, *, status: str, **changes: Any) -> None:
    """End a delivery. A success counts even if somebody else has taken the row over by now."""
    is_delivered = status == _S.DELIVERED
    rows = WebhookDelivery.objects.filter(pk=delivery.pk) if is_delivered else _mine(delivery)
    if rows.exclude(status=_S.DELIVERED).update(status=status, next_attempt_at=None, **changes):
        elapsed = (now - delivery.created_at).total_seconds()
        metrics.WEBHOOK_DELIVERY_SECONDS.labels(status).observe(elapsed)


def forget_old(*, now: datetime) -> int:
    """Delete some of the oldest deliveries if they ended long ago; return how many."""
    oldest = WebhookDelivery.objects.order_by("id").values_list("pk", flat=True)[:_FORGET_LIMIT]
    old = WebhookDelivery.objects.filter(pk__in=list(oldest), created_at__lt=now - KEPT)
    return old.exclude(status=_S.PENDING).delete()[0]
