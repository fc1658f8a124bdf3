"""Webhook endpoints over the API: made, tried, watched and removed."""

from __future__ import annotations

import base64

import pytest

from helpdesk import events
from helpdesk.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from helpdesk.services import webhooks
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import LONG_AGO

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhook-endpoints"
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def manager(admin):
    return bearer(admin)


@pytest.fixture
def endpoint(manager):
    return manager.post(URL, {"url": HOOK, "events": ["ticket.created"]}).json()


def log(endpoint, **changes):
    fields = {
        "endpoint_id": endpoint["id"], "event_type": "ticket.created", "payload": {},
        "next_attempt_at": LONG_AGO, "created_at": LONG_AGO, **changes,
    }  # fmt: skip
    return WebhookDelivery.objects.create(**fields)


def test_the_answer_to_the_making_shows_everything_and_the_secret(manager, admin):
    answer = manager.post(
        URL, {"url": HOOK, "events": ["ticket.created", "message.created"], "description": "CRM"}
    )

    assert answer.status_code == 201
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert made["id"]
    assert made["created_at"].endswith("Z")
    assert {**made, "id": 0, "created_at": ""} == {
        "id": 0,
        "url": HOOK,
        "description": "CRM",
        "events": ["message.created", "ticket.created"],
        "is_active": True,
        "disabled_reason": None,
        "failing_since": None,
        "created_by": {"id": admin.pk, "name": admin.name},
        "created_at": "",
    }


def test_the_secret_is_shown_once(manager, endpoint):
    listed = manager.get(URL)

    assert "secret" in endpoint
    assert listed.json()["results"] == [{k: v for k, v in endpoint.items() if k != "secret"}]
    assert endpoint["secret"] not in listed.content.decode()
    assert endpoint["secret"] not in str(list(AuditEntry.objects.values()))


def test_two_endpoints_have_two_secrets(manager):
    secrets = {manager.post(URL, {"url": HOOK}).json()["secret"] for _ in range(3)}

    assert len(secrets) == 3


def test_without_a_choice_everything_is_told(manager):
    assert manager.post(URL, {"url": HOOK}).json()["events"] == sorted(events.FOR_WEBHOOKS)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "hook"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "https://[::ffff:7f00:1]/"}, "url"),
        ({"url": "https://example.com/" + "a" * 500}, "url"),
        ({"url": 5}, "url"),
        ({"url": HOOK, "events": []}, "events"),
        ({"url": HOOK, "events": ["ticket.exploded"]}, "events"),
        ({"url": HOOK, "events": "ticket.created"}, "events"),
        ({"url": HOOK, "secret": "whsec_mine"}, "secret"),
        ({"url": HOOK, "description": "x" * 201}, "description"),
    ],
)
def test_a_bad_body_is_refused_by_name_and_makes_nothing(manager, body, field):
    answer = manager.post(URL, body)

    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not WebhookEndpoint.objects.exists()


def test_production_refuses_loopback_and_plain_http(manager, settings):
    settings.HELPDESK["WEBHOOKS_MAY_REACH_LOOPBACK"] = False

    for url in (HOOK, "https://127.0.0.1/", "http://example.com/", "https://localhost:8443/"):
        answer = manager.post(URL, {"url": url})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["url"]), url


def test_there_are_at_most_twenty(manager):
    for _ in range(webhooks.MAX_ENDPOINTS):
        assert manager.post(URL, {"url": HOOK}).status_code == 201

    answer = manager.post(URL, {"url": HOOK})

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")


def test_the_list_is_paged_newest_first(manager):
    made = [manager.post(URL, {"url": HOOK}).json()["id"] for _ in range(3)]

    first = manager.get(f"{URL}?limit=2").json()
    second = manager.get(first["next"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]
    assert second["next"] is None


def test_a_removed_endpoint_is_gone_with_its_log(manager, endpoint):
    log(endpoint)

    assert manager.delete(f"{URL}/{endpoint['id']}").status_code == 204

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert manager.delete(f"{URL}/{endpoint['id']}").status_code == 404
    assert manager.get(f"{URL}/{endpoint['id']}/deliveries").status_code == 404
    assert manager.post(f"{URL}/{endpoint['id']}/test").status_code == 404


def test_a_test_is_a_delivery_on_the_queue(
    manager, endpoint, broker, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = manager.post(f"{URL}/{endpoint['id']}/test")

    delivery = WebhookDelivery.objects.get()
    assert answer.status_code == 202
    assert answer.json()["webhook_id"] == str(delivery.key)
    assert (answer.json()["event"], answer.json()["status"]) == ("webhook.test", "pending")
    assert manager.get(f"{URL}/{endpoint['id']}/deliveries").json()["results"] == [answer.json()]
    assert delivery.payload["data"]["url"] == HOOK


def test_nothing_is_sent_to_a_disabled_endpoint(manager, endpoint):
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="It answered 410.")

    answer = manager.post(f"{URL}/{endpoint['id']}/test")

    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")
    assert "410" in answer.json()["detail"]
    assert not WebhookDelivery.objects.exists()


def test_the_log_is_paged_and_holds_its_own_endpoint_only(manager, endpoint):
    other = manager.post(URL, {"url": HOOK}).json()
    log(other)
    rows = [log(endpoint, response_status=500, latency_ms=7, error="E", attempts=1) for _ in "abc"]
    url = f"{URL}/{endpoint['id']}/deliveries"

    first = manager.get(f"{url}?limit=2").json()
    second = manager.get(first["next"]).json()

    found = first["results"] + second["results"]
    assert [row["id"] for row in found] == [row.pk for row in rows[::-1]]
    assert (found[0]["response_status"], found[0]["latency_ms"], found[0]["error"]) == (500, 7, "E")
    foreign = first["next"].split("cursor=")[1].split("&")[0]
    answer = manager.get(f"{URL}/{other['id']}/deliveries?cursor={foreign}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_every_act_is_audited(manager, admin, endpoint):
    manager.post(f"{URL}/{endpoint['id']}/test")
    manager.delete(f"{URL}/{endpoint['id']}")

    entries = list(AuditEntry.objects.order_by("id"))

    assert [entry.action for entry in entries] == [
        "webhook_endpoint.create",
        "webhook_endpoint.test",
        "webhook_endpoint.delete",
    ]
    assert {(e.actor_id, e.target_id, e.ip) for e in entries} == {
        (admin.pk, str(endpoint["id"]), "127.0.0.1")
    }
    created, deleted = entries[0].after, entries[2].before
    assert created is not None
    assert deleted is not None
    assert created["url"] == deleted["url"] == HOOK
