"""Outgoing webhooks: signed, with one id, and a reason for every failure."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from helpdesk import tasks
from helpdesk.models import WebhookDelivery
from helpdesk.tests.conftest import bearer
from helpdesk.tests.outgoing import API, attempt, pending, samples
from helpdesk.tests.scripted_provider import answer, cut_off, drip_headers

pytestmark = pytest.mark.django_db


def test_a_receiver_verifies_a_real_message_with_what_the_api_shows(
    made, receiver, agent, ticket, admin
):
    bearer(agent).post(f"/api/v1/tickets/{ticket.pk}/messages", {"body": "Olá 📦"})
    delivery = WebhookDelivery.objects.get(event_type="message.created")
    before = samples("delivered")

    tasks.deliver_webhook(delivery_id=delivery.pk)

    (got,) = receiver.got
    event = Webhook(made["secret"]).verify(got.body.decode(), got.headers)
    assert event["type"] == "message.created"
    assert (event["ticket"], event["seq"]) == (ticket.pk, 1)
    assert event["data"]["body"] == "Olá 📦"
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert got.headers["content-type"] == "application/json"
    logged = bearer(admin).get(f"{API}/{made['id']}/deliveries").json()["results"]
    (row,) = [row for row in logged if row["event"] == "message.created"]
    assert row["webhook_id"] == got.headers["webhook-id"]
    assert (row["status"], row["response_status"], row["attempts"]) == ("delivered", 204, 1)
    assert row["latency_ms"] is not None
    assert row["delivered_at"]
    assert row["next_attempt_at"] is None
    assert got.headers["traceparent"].split("-")[1] == row["trace_id"]
    assert samples("delivered") == before + 1


def test_a_changed_byte_or_another_secret_does_not_verify(made, receiver, endpoint):
    attempt(pending(endpoint))
    (got,) = receiver.got

    with pytest.raises(Exception, match="signature"):
        Webhook(made["secret"]).verify(got.body.decode() + " ", got.headers)
    with pytest.raises(Exception, match="signature"):
        Webhook("whsec_" + "b" * 44).verify(got.body.decode(), got.headers)


def test_every_attempt_has_the_same_id_and_body_and_a_time_of_its_own(made, receiver, endpoint):
    receiver.script.extend([answer(500), cut_off, answer(302, b"", location=receiver.url)])
    delivery = pending(endpoint)

    for minutes in range(4):
        attempt(delivery, at=timezone.now() + timedelta(minutes=minutes))

    assert receiver.ids == [str(delivery.key)] * 4
    assert len({got.body for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 4
    assert (delivery.status, delivery.attempts) == ("delivered", 4)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_delivery(receiver, endpoint, status):
    receiver.script.append(answer(status, b""))

    assert attempt(pending(endpoint)).status == "delivered"


@pytest.mark.parametrize("status", [300, 301, 304, 307, 400, 401, 404, 409, 429, 500, 503])
def test_anything_else_is_a_failure_with_its_reason(receiver, endpoint, status):
    receiver.script.append(answer(status, b"", location=receiver.url))

    delivery = attempt(pending(endpoint))

    assert (delivery.status, delivery.response_status) == ("pending", status)
    assert str(status) in delivery.error
    assert len(receiver.got) == 1


@pytest.mark.parametrize("silence", [cut_off, drip_headers])
def test_no_answer_is_a_failure_without_a_status(receiver, endpoint, silence):
    receiver.script.append(silence)

    delivery = attempt(pending(endpoint))

    assert (delivery.status, delivery.response_status) == ("pending", None)
    assert delivery.error.startswith("No answer")
    assert delivery.latency_ms is not None
    assert 0 <= delivery.latency_ms < 2500


def test_an_address_that_became_forbidden_fails_without_a_call(receiver, endpoint, settings):
    settings.HELPDESK["WEBHOOKS_MAY_REACH_LOOPBACK"] = False
    delivery = pending(endpoint)

    tasks.deliver_webhook(delivery_id=delivery.pk)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, receiver.got) == ("pending", 1, [])
    assert "https" in delivery.error
