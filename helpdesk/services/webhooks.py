"""Who is told by webhook: endpoints come, are tried, and go."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from helpdesk import events, trace
from helpdesk.errors import HelpdeskError
from helpdesk.models import User, WebhookDelivery, WebhookEndpoint
from helpdesk.provider.egress import Egress
from helpdesk.selectors.keyset import moment
from helpdesk.selectors.webhooks import require
from helpdesk.services import audit
from helpdesk.services.webhook_delivery import ring_on_commit

MAX_ENDPOINTS: Final = 20
_SECRET_BYTES: Final = 32
_S = WebhookDelivery.Status


class TooManyEndpoints(HelpdeskError):
    status = 409
    code = "too_many_endpoints"


class EndpointDisabled(HelpdeskError):
    status = 409
    code = "endpoint_disabled"


class StillTrying(HelpdeskError):
    status = 409
    code = "still_trying"


def create(
    *,
    url: str,
    events: Sequence[str],
    description: str,
    egress: Egress,
    actor: User,
    request_ip: str | None,
    now: datetime,
) -> WebhookEndpoint:
    """
    Tell `url` of `events` from now on; its new secret is in the returned row and shown once.

    :raises ForbiddenUrl: if no call would ever be made to `url`
    :raises TooManyEndpoints: if there are 20, for each makes every event dearer
    """
    egress.check(url)
    with transaction.atomic():
        if WebhookEndpoint.objects.count() >= MAX_ENDPOINTS:
            raise TooManyEndpoints(f"There are {MAX_ENDPOINTS} endpoints; delete one first.")
        endpoint = WebhookEndpoint.objects.create(
            url=url,
            events=sorted(set(events)),
            description=description,
            secret=_new_secret(),
            created_by=actor,
            created_at=now,
        )
        audit.record(
            actor=actor,
            action="webhook_endpoint.create",
            target=endpoint,
            after=_audited(endpoint),
            request_ip=request_ip,
            now=now,
        )
    return endpoint


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _audited(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "events": endpoint.events,
        "description": endpoint.description,
        "is_active": endpoint.is_active,
    }


def delete(*, endpoint_id: int, actor: User, request_ip: str | None, now: datetime) -> None:
    """
    Delete an endpoint with its log.

    It is deactivated first, so that nobody who writes an event waits until the log is gone; then
    its lock is awaited, so that no event that chose it before is still under way.

    :raises EndpointNotFound: if there is none with this id
    """
    endpoint = require(endpoint_id=endpoint_id)
    before = _audited(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(is_active=False)
    with transaction.atomic():
        # The key's lock too: an event under way holds a share of it until its deliveries are there.
        WebhookEndpoint.objects.select_for_update(no_key=False).filter(pk=endpoint_id).first()
        audit.record(
            actor=actor,
            action="webhook_endpoint.delete",
            target=endpoint,
            before=before,
            request_ip=request_ip,
            now=now,
        )
        endpoint.delete()


@transaction.atomic
def enable(*, endpoint_id: int, actor: User, request_ip: str | None, now: datetime) -> None:
    """
    Deliver again to an endpoint that was disabled; what failed before stays failed.

    :raises EndpointNotFound: if there is none with this id
    """
    endpoint = require(endpoint_id=endpoint_id)
    before = {"is_active": endpoint.is_active, "disabled_reason": endpoint.disabled_reason}
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(
        is_active=True, disabled_reason="", failing_since=None, failures=0, paused_until=None
    )
    audit.record(
        actor=actor,
        action="webhook_endpoint.enable",
        target=endpoint,
        before=before,
        after={"is_active": True, "disabled_reason": ""},
        request_ip=request_ip,
        now=now,
    )


@transaction.atomic
def send_test(
    *, endpoint_id: int, actor: User, request_ip: str | None, now: datetime
) -> WebhookDelivery:
    """
    Send `webhook.test` to an endpoint, whatever it subscribed to; return its row of the log.

    :raises EndpointNotFound: if there is none with this id
    :raises EndpointDisabled: if nothing is delivered to it
    """
    endpoint = _active(endpoint_id)
    payload = {
        "type": events.WEBHOOK_TEST,
        "timestamp": moment(now),
        "ticket": None,
        "seq": None,
        "data": {"endpoint": endpoint.pk, "url": endpoint.url, "sent_by": actor.name},
    }
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_type=events.WEBHOOK_TEST,
        payload=payload,
        next_attempt_at=now,
        rung_at=now,
        trace_id=trace.current_id(),
        created_at=now,
    )
    audit.record(
        actor=actor,
        action="webhook_endpoint.test",
        target=endpoint,
        after={"webhook_id": str(delivery.key)},
        request_ip=request_ip,
        now=now,
    )
    ring_on_commit(delivery_ids=[delivery.pk], due_at=now)
    return delivery


def _active(endpoint_id: int) -> WebhookEndpoint:
    endpoint = require(endpoint_id=endpoint_id)
    if not endpoint.is_active:
        reason = endpoint.disabled_reason or "It was disabled."
        raise EndpointDisabled(f"Nothing is delivered to this endpoint. {reason}")
    return endpoint


@transaction.atomic
def send_again(
    *, delivery_id: int, actor: User, request_ip: str | None, now: datetime
) -> WebhookDelivery:
    """
    Start a delivery that ended anew, with the same id and body, so that the receiver knows it.

    :raises WebhookDelivery.DoesNotExist: if there is none with this id
    :raises EndpointDisabled: if nothing is delivered to its endpoint
    :raises StillTrying: if it has not ended
    """
    delivery = WebhookDelivery.objects.select_for_update(no_key=True).get(pk=delivery_id)
    _active(delivery.endpoint_id)
    if delivery.status == _S.PENDING:
        raise StillTrying("This delivery has not ended yet.")
    before = {"status": delivery.status, "attempts": delivery.attempts}
    delivery.status, delivery.attempts = _S.PENDING, 0
    delivery.next_attempt_at = delivery.rung_at = now
    delivery.delivered_at, delivery.error = None, ""
    delivery.save(
        update_fields=[
            "status", "attempts", "next_attempt_at", "rung_at", "delivered_at", "error",
        ]
    )  # fmt: skip
    audit.record(
        actor=actor,
        action="webhook_delivery.send_again",
        target=delivery,
        before=before,
        after={"status": delivery.status, "attempts": 0},
        request_ip=request_ip,
        now=now,
    )
    ring_on_commit(delivery_ids=[delivery.pk], due_at=now)
    return delivery
