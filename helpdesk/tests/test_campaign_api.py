"""Campaigns over HTTP: drafts, moves, pages, and what is refused."""

from __future__ import annotations

import pytest

from helpdesk.models import AuditEntry, Campaign, CampaignRecipient
from helpdesk.tests.campaigns import CampaignFactory, RecipientFactory
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import LONG_AGO, ContactFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/campaigns"
DRAFT = {"name": "News", "body": "Olá, {name}!", "audience": {"channel": "whatsapp"}}


@pytest.fixture
def manager(admin):
    return bearer(admin)


def test_a_draft_is_answered_in_the_shape_of_the_contract(manager, admin):
    answer = manager.post(URL, DRAFT)

    assert answer.status_code == 201
    shaped = answer.json()
    assert shaped == manager.get(f"{URL}/{shaped['id']}").json()
    assert shaped.pop("created_at").endswith("Z")
    assert shaped == {
        "id": Campaign.objects.get().pk,
        "name": "News",
        "channel": "whatsapp",
        "status": "draft",
        "body": "Olá, {name}!",
        "rate_per_second": 20,
        "error_ratio_limit": 0.2,
        "audience": {"channel": "whatsapp"},
        "pause_reason": None,
        "counters": {
            "total": 0, "pending": 0, "sent": 0, "delivered": 0, "failed": 0, "skipped": 0,
        },
        "created_by": {"id": admin.pk, "name": "Ada Admin"},
        "started_at": None,
        "finished_at": None,
    }  # fmt: skip
    entry = AuditEntry.objects.get(action="campaign.create")
    assert (entry.actor, entry.ip, entry.target_id) == (admin, "127.0.0.1", str(shaped["id"]))


def test_the_channel_may_stand_beside_the_audience(manager):
    body = {"name": "N", "body": "B", "channel": "email", "audience": {"tag": "vip", "limit": 9}}

    answer = manager.post(URL, body).json()

    assert (answer["channel"], answer["audience"]) == (
        "email", {"channel": "email", "tag": "vip", "limit": 9},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"audience": {}}, "channel"),
        ({"channel": "email"}, "channel"),
        ({"audience": {"channel": "pigeon"}}, "audience"),
        ({"audience": {"channel": "web", "limit": 0}}, "audience"),
        ({"audience": {"channel": "web", "colour": "red"}}, "audience"),
        ({"audience": []}, "audience"),
        ({"body": ""}, "body"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"rate_per_second": 501}, "rate_per_second"),
        ({"error_ratio_limit": 1.01}, "error_ratio_limit"),
        ({"status": "running"}, "status"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_by_field(manager, changes, field):
    answer = manager.post(URL, {**DRAFT, **changes})

    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Campaign.objects.exists()


def test_a_campaign_goes_through_its_moves_and_a_forbidden_one_is_409(manager):
    ContactFactory.create()
    at = f"{URL}/{manager.post(URL, DRAFT).json()['id']}"

    assert manager.post(f"{at}/pause").status_code == 409
    for action, status in [
        ("start", "running"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled"),
    ]:  # fmt: skip
        answer = manager.post(f"{at}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    refused = manager.post(f"{at}/start")
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert manager.get(at).json()["counters"]["skipped"] == 1
    noted = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(noted) == [
        "campaign.create", "campaign.start", "campaign.pause", "campaign.resume", "campaign.cancel",
    ]  # fmt: skip


def test_a_pause_says_who_did_it(manager, admin):
    campaign = CampaignFactory.create(status="running")

    answer = manager.post(f"{URL}/{campaign.pk}/pause")

    assert answer.json()["pause_reason"] == "Paused by Ada Admin."


@pytest.mark.parametrize("action", ["", "/recipients", "/start"])
def test_a_campaign_that_is_not_there_is_404(manager, action):
    send = manager.post if action == "/start" else manager.get

    answer = send(f"{URL}/999999999999{action}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def walk(client, url):
    rows = []
    while url:
        page = client.get(url).json()
        rows += page["results"]
        url = page["next"]
    return rows


def test_pages_of_campaigns_come_newest_first_each_once(api):
    made = [CampaignFactory.create(status=s).pk for s in ("draft", "running") for _ in range(3)]

    assert [row["id"] for row in walk(api, f"{URL}?limit=2")] == made[::-1]
    assert [row["id"] for row in walk(api, f"{URL}?limit=2&status=draft")] == made[2::-1]
    assert len(walk(api, f"{URL}?status=draft,running")) == 6
    assert api.get(f"{URL}?status=asleep").status_code == 400
    assert api.get(f"{URL}?cursor=abc").status_code == 400


def test_pages_of_recipients_come_in_order_and_filter_by_status(api):
    campaign = CampaignFactory.create(status="running")
    rows = [
        RecipientFactory.create(
            campaign=campaign, status=status, error="No." * (status == "failed")
        )
        for status in ("sent", "failed", "sent", "pending", "failed")
    ]
    RecipientFactory.create()
    url = f"{URL}/{campaign.pk}/recipients"

    assert [row["id"] for row in walk(api, f"{url}?limit=2")] == [row.pk for row in rows]
    failed = walk(api, f"{url}?limit=1&status=failed")
    assert [row["id"] for row in failed] == [rows[1].pk, rows[4].pk]
    assert failed[0] == {
        "id": rows[1].pk,
        "contact": {
            "id": rows[1].contact_id,
            "name": rows[1].contact.name,
            "address": rows[1].contact.address,
        },
        "key": str(rows[1].key),
        "body": "Olá!",
        "status": "failed",
        "attempts": 0,
        "next_attempt_at": "2026-03-01T09:30:15.123456Z",
        "error": "No.",
        "sent_at": None,
        "delivered_at": None,
        "failed_at": None,
    }
    assert api.get(f"{url}?cursor=abc").json()["code"] == "bad_cursor"


def test_lists_cost_the_same_queries_whatever_they_hold(api, django_assert_num_queries):
    """Two and three, and one for the user of the token."""
    for count in (1, 4):
        campaign = CampaignFactory.create(status="running", started_at=LONG_AGO)
        for _ in range(count):
            RecipientFactory.create(campaign=campaign)
        with django_assert_num_queries(3):
            api.get(URL)
        with django_assert_num_queries(3):
            api.get(f"{URL}/{campaign.pk}/recipients")
    assert CampaignRecipient.objects.count() == 5
