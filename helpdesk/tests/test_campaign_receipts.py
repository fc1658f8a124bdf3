"""Between us and the world: what is handed over, receipts, and the sweeper's calls."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Campaign, CampaignRecipient, ProviderEvent
from helpdesk.selectors import jobs
from helpdesk.services import campaign_recipients, recovery
from helpdesk.services.provider_events import receive
from helpdesk.tests import webhooks
from helpdesk.tests.campaigns import CampaignFactory, RecipientFactory, take_turn
from helpdesk.tests.factories import LONG_AGO, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(db):
    return CampaignFactory.create(status="running", started_at=LONG_AGO)


def recipients(campaign, count):
    return [RecipientFactory.create(campaign=campaign) for _ in range(count)]


EVENTS = [("sent", "sent"), ("delivered", "delivered"), ("read", "delivered"), ("failed", "failed")]


@pytest.mark.parametrize(("told", "reached"), EVENTS)
def test_what_the_provider_tells_of_a_recipient_moves_it(campaign, told, reached):
    (row,) = recipients(campaign, 1)
    CampaignRecipient.objects.update(status="pending")

    data = {"id": "pm_9", "reference": str(row.key), "status": told}
    webhooks.post({"type": "message.status", "data": data})
    receive(event_id=ProviderEvent.objects.get().pk, now=timezone.now())

    row.refresh_from_db()
    assert (row.status, row.provider_id) == (reached, "pm_9")
    assert Campaign.objects.get().is_changed


def test_any_order_of_the_same_events_ends_in_the_same_row(campaign):
    ended = set()
    for order in (("sent", "failed", "delivered"), ("delivered", "failed", "sent", "sent")):
        row = RecipientFactory.create(campaign=campaign)
        for status in order:
            at = LONG_AGO + timedelta(seconds=("sent", "failed", "delivered").index(status))
            campaign_recipients.advance(recipient_id=row.pk, status=status, at=at)
        row.refresh_from_db()
        ended.add((row.status, row.sent_at, row.delivered_at, row.failed_at, row.error))
    assert len(ended) == 1
    assert ended.pop()[0] == "delivered"


def test_the_sweeper_calls_one_dispatcher_for_all_and_again_after_five_seconds(broker):
    for _ in range(2):
        RecipientFactory.create()
    now = timezone.now()

    assert recovery.sweep(now=now) == 1
    assert recovery.sweep(now=now + timedelta(seconds=4)) == 0
    assert recovery.sweep(now=now + timedelta(seconds=6)) == 1
    assert len(broker.jobs("campaigns")) == 2


@pytest.mark.parametrize("status", ["draft", "paused", "finished", "cancelled"])
def test_a_campaign_that_does_not_run_calls_nobody(broker, status):
    RecipientFactory.create(campaign=CampaignFactory.create(status=status))

    assert recovery.sweep(now=timezone.now()) == 0


def test_a_campaign_that_waits_for_later_calls_nobody_and_is_not_stalled(broker):
    later = timezone.now() + timedelta(hours=1)
    RecipientFactory.create(next_attempt_at=later)

    assert recovery.sweep(now=timezone.now()) == 0
    assert jobs.count_stalled(now=timezone.now())["campaigns"] == 0
    assert jobs.count_stalled(now=later + timedelta(seconds=31))["campaigns"] == 1
    assert take_turn(0.3) == 0
    assert Campaign.objects.get().status == "running"


def test_contacts_address_and_words_reach_the_provider(provider, campaign):
    contact = ContactFactory.create(address="+5511999990000")
    RecipientFactory.create(campaign=campaign, contact=contact, body="Olá, Zé!")

    take_turn()

    body = provider.calls[0].body
    assert (body["to"], body["body"], body["channel"]) == (
        "+5511999990000", "Olá, Zé!", "whatsapp",
    )  # fmt: skip
