"""The admin's buttons for webhooks: they call the same services as the API."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from helpdesk.access import Role
from helpdesk.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from helpdesk.tests.factories import UserFactory
from helpdesk.tests.outgoing import attempt, pending
from helpdesk.tests.scripted_provider import answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    client = Client()
    client.force_login(UserFactory.create(role=Role.ADMIN))
    return client


def press(client, model, action, row):
    url = reverse(f"admin:helpdesk_{model._meta.model_name}_changelist")
    page = client.post(url, {"action": action, "_selected_action": [row.pk]}, follow=True)
    return [str(message) for message in page.context["messages"]]


def test_send_test_makes_a_delivery(desk, endpoint, receiver):
    assert press(desk, WebhookEndpoint, "send_test", endpoint) == ["1 done."]

    assert attempt(WebhookDelivery.objects.get()).status == "delivered"
    assert receiver.ids == [str(WebhookDelivery.objects.get().key)]
    assert AuditEntry.objects.filter(action="webhook_endpoint.test").count() == 1


def test_send_again_repeats_what_ended_and_refuses_what_has_not(desk, endpoint, receiver):
    delivery = attempt(pending(endpoint))

    assert press(desk, WebhookDelivery, "send_again", delivery) == ["1 done."]
    assert "not ended" in press(desk, WebhookDelivery, "send_again", delivery)[0]
    attempt(delivery)

    assert receiver.ids == [str(delivery.key)] * 2


def test_a_disabled_endpoint_is_enabled_again(desk, endpoint, receiver):
    receiver.script.append(answer(410))
    attempt(pending(endpoint))
    assert "410" in press(desk, WebhookEndpoint, "send_test", endpoint)[0]

    assert press(desk, WebhookEndpoint, "enable", endpoint) == ["1 done."]

    assert press(desk, WebhookEndpoint, "send_test", endpoint) == ["1 done."]


def test_a_page_shows_the_endpoint_without_its_secret(desk, endpoint):
    pending(endpoint, next_attempt_at=timezone.now())
    url = reverse("admin:helpdesk_webhookendpoint_change", args=[endpoint.pk])

    page = desk.get(url).content.decode()

    assert endpoint.url in page
    assert endpoint.secret not in page
