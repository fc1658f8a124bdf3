"""How often, how long and how patiently an endpoint is told; and when no more."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from helpdesk.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from helpdesk.services import webhook_delivery, webhooks
from helpdesk.tests.factories import LONG_AGO, TicketFactory
from helpdesk.tests.outgoing import OUT, attempt, happen, pending, samples
from helpdesk.tests.scripted_provider import answer

pytestmark = pytest.mark.django_db


def wait_seconds(delivery, since):
    """Return how long after `since` the next attempt is due."""
    assert delivery.next_attempt_at is not None
    return (delivery.next_attempt_at - since).total_seconds()


def test_the_waits_are_those_of_standard_webhooks(receiver, endpoint):
    receiver.script.extend([answer(500)] * 10)
    delivery, waits = pending(endpoint), []
    before = samples("failed")

    for _ in range(9):
        began = timezone.now()
        attempt(delivery)
        waits.append(wait_seconds(delivery, began))
        WebhookEndpoint.objects.update(failures=0)
    attempt(delivery)

    planned = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for wait, plan in zip(waits, planned, strict=True):
        assert plan * 0.9 <= wait <= plan * 1.1 + 1
    assert waits != planned
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("failed", 10, None)
    assert samples("failed") == before + 1
    assert len(receiver.got) == 10


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("120", 118, 122),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 7190, 7202),
        ("99999999", 86_390, 86_402),
        ("0", 4.4, 7),
        ("soon", 4.4, 7),
    ],
)
def test_a_longer_wait_is_granted_on_request(receiver, endpoint, header, low, high):
    value = header() if callable(header) else header
    receiver.script.append(answer(429, b"", retry_after=value))

    delivery = attempt(pending(endpoint))

    assert low <= wait_seconds(delivery, timezone.now()) <= high


def test_gone_disables_the_endpoint_and_ends_what_waits(receiver, endpoint):
    receiver.script.append(answer(410))
    waiting = pending(endpoint)
    before = samples("failed")

    delivery = attempt(pending(endpoint))

    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.is_active, delivery.status, waiting.status) == (False, "failed", "failed")
    assert "410" in endpoint.disabled_reason
    assert (delivery.response_status, delivery.error) == (410, "The endpoint answered 410.")
    assert samples("failed") == before + 1
    entry = AuditEntry.objects.get(action="webhook_endpoint.disable")
    assert (entry.actor_id, entry.target_id) == (None, str(endpoint.pk))
    happen(TicketFactory.create())
    assert WebhookDelivery.objects.count() == 2


def test_five_days_of_failure_disable_the_endpoint(receiver, endpoint):
    receiver.script.extend([answer(500)] * 3)
    began = timezone.now()
    attempt(pending(endpoint), at=began)
    endpoint.refresh_from_db()
    since = endpoint.failing_since

    WebhookEndpoint.objects.update(failing_since=since - timedelta(days=5) + timedelta(seconds=60))
    attempt(pending(endpoint))
    endpoint.refresh_from_db()
    assert endpoint.is_active

    WebhookEndpoint.objects.update(failing_since=since - timedelta(days=5))
    attempt(pending(endpoint))
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "5 days" in endpoint.disabled_reason


def test_one_success_forgives(receiver, endpoint):
    receiver.script.extend([answer(500)] * 2)
    for _ in range(3):
        attempt(pending(endpoint))

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.paused_until) == (0, None, None)


def test_an_endpoint_that_keeps_failing_is_tried_by_one_delivery_at_a_time(receiver, endpoint):
    receiver.script.extend([answer(500)] * 4)
    deliveries = [pending(endpoint) for _ in range(8)]
    now = timezone.now()

    for delivery in deliveries:
        webhook_delivery.deliver(delivery_id=delivery.pk, egress=OUT, now=now)

    assert len(receiver.got) == 3
    waiting = WebhookDelivery.objects.filter(attempts=0)
    assert waiting.count() == 5
    assert waiting.filter(next_attempt_at__gt=now + timedelta(seconds=4)).count() == 5
    endpoint.refresh_from_db()
    later = endpoint.paused_until
    for delivery in waiting[:2]:
        attempt(delivery, at=later)
    assert len(receiver.got) == 4


def test_what_waited_is_hurried_when_the_endpoint_works_again(receiver, endpoint):
    receiver.script.extend([answer(500)] * 3)
    for _ in range(3):
        attempt(pending(endpoint))
    waiting = attempt(pending(endpoint))
    assert (waiting.attempts, len(receiver.got)) == (0, 3)

    attempt(pending(endpoint), at=timezone.now() + timedelta(minutes=1))

    waiting.refresh_from_db()
    assert wait_seconds(waiting, timezone.now()) <= 0
    assert waiting.rung_at is None


def test_a_test_does_not_wait_for_the_pause(receiver, endpoint, admin):
    WebhookEndpoint.objects.update(
        failures=9, failing_since=LONG_AGO, paused_until=timezone.now() + timedelta(minutes=5)
    )
    test = webhooks.send_test(
        endpoint_id=endpoint.pk, actor=admin, request_ip=None, now=timezone.now()
    )

    assert attempt(test).status == "delivered"
    assert json.loads(receiver.got[0].body)["type"] == "webhook.test"


def test_an_attempt_is_counted_before_the_call_and_its_lease_ends(receiver, endpoint):
    delivery, now = pending(endpoint), timezone.now()
    assert webhook_delivery._claim(delivery.pk, now) is not None

    for seconds, taken in ((29, False), (31, True)):
        later = now + timedelta(seconds=seconds)
        assert webhook_delivery.deliver(delivery_id=delivery.pk, egress=OUT, now=later) is taken
    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.status) == (2, "delivered")


def test_a_delivery_whose_workers_die_ends_all_the_same(receiver, endpoint):
    delivery = pending(endpoint, attempts=10)

    attempt(delivery)

    assert (delivery.status, receiver.got) == ("failed", [])
    assert "never came back" in delivery.error


def test_a_late_success_counts_although_the_lease_was_lost(receiver, endpoint):
    delivery = pending(endpoint)
    mine = webhook_delivery._claim(delivery.pk, timezone.now())
    assert mine is not None
    WebhookDelivery.objects.filter(pk=delivery.pk).update(attempts=2)

    late = webhook_delivery._Attempt(status=500, latency_ms=1, error="E")
    webhook_delivery._settle(mine, late, timezone.now())
    delivery.refresh_from_db()
    assert delivery.error == ""
    good = webhook_delivery._Attempt(status=200, latency_ms=1)
    webhook_delivery._settle(mine, good, timezone.now())
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


def test_sending_again_starts_anew_with_the_same_id(receiver, endpoint, admin):
    delivery = attempt(pending(endpoint))
    ask = {"delivery_id": delivery.pk, "actor": admin, "request_ip": None, "now": timezone.now()}

    again = webhooks.send_again(**ask)
    with pytest.raises(webhooks.StillTrying):
        webhooks.send_again(**ask)
    attempt(again)

    assert receiver.ids == [str(delivery.key)] * 2
    assert (again.status, again.attempts) == ("delivered", 1)
    assert AuditEntry.objects.filter(action="webhook_delivery.send_again").count() == 1


def test_an_enabled_endpoint_is_told_again(receiver, endpoint, admin):
    receiver.script.append(answer(410))
    delivery = attempt(pending(endpoint))
    ask = {"actor": admin, "request_ip": None, "now": timezone.now()}
    with pytest.raises(webhooks.EndpointDisabled):
        webhooks.send_again(delivery_id=delivery.pk, **ask)

    webhooks.enable(endpoint_id=endpoint.pk, **ask)
    webhooks.send_again(delivery_id=delivery.pk, **ask)

    assert attempt(delivery).status == "delivered"


def test_a_receiver_that_hangs_costs_the_deadline_and_no_more(receiver, endpoint):
    receiver.script.append(lambda _handler: time.sleep(3))
    began = time.monotonic()

    attempt(pending(endpoint))

    assert time.monotonic() - began < 2.5
