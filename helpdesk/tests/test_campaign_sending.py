"""Sending: each once by key, within the rate, through failures, pauses and crashes."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.provider.client import ProviderError
from helpdesk.provider.http import get_provider
from helpdesk.services import campaign_recipients, campaign_sending, campaigns
from helpdesk.services.campaign_recipients import Result
from helpdesk.tests.campaigns import (
    CampaignFactory,
    RecipientFactory,
    make_due,
    move,
    statuses,
    take_turn,
)
from helpdesk.tests.factories import LONG_AGO
from helpdesk.tests.scripted_provider import answer
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(settings):
    settings.HELPDESK["CAMPAIGNS_RATE_PER_SECOND"] = 1000


@pytest.fixture
def campaign(db):
    return CampaignFactory.create(status="running", started_at=LONG_AGO, error_ratio_limit=1)


def recipients(campaign, count):
    return [RecipientFactory.create(campaign=campaign) for _ in range(count)]


def claim(campaign, wanted):
    claimed = campaign_recipients.claim(campaign_id=campaign.pk, wanted=wanted)
    assert claimed is not None
    return claimed


def test_everybody_is_sent_to_once_with_their_own_key_and_then_it_is_finished(provider, campaign):
    rows = recipients(campaign, 12)

    assert take_turn() == 12

    assert sorted(provider.keys) == sorted(str(row.key) for row in rows)
    assert set(statuses(campaign)) == {"sent"}
    campaign.refresh_from_db()
    assert (campaign.status, campaign.finished_at is not None) == ("finished", True)
    row = CampaignRecipient.objects.earliest("pk")
    assert (row.attempts, row.lease_until, row.next_attempt_at) == (1, None, None)
    assert row.provider_id.startswith("pm_")
    assert row.sent_at is not None


def test_what_may_pass_is_tried_again_later_with_the_same_key(provider, campaign):
    (row,) = recipients(campaign, 1)
    provider.script.extend([answer(503), answer(429, retry_after="7")])
    started = timezone.now()

    take_turn()
    row.refresh_from_db()
    assert (row.status, row.attempts, row.lease_until) == ("pending", 1, None)
    assert row.next_attempt_at > started
    make_due(campaign)
    take_turn()
    row.refresh_from_db()
    assert timedelta(seconds=6.5) < row.next_attempt_at - timezone.now() < timedelta(seconds=7)
    make_due(campaign)
    take_turn()

    assert statuses(campaign) == ["sent"]
    assert provider.keys == [str(row.key)] * 3


def test_a_refusal_fails_at_once_and_the_last_attempt_too(provider, campaign, settings):
    refused, tired = recipients(campaign, 2)
    settings.HELPDESK["MAX_ATTEMPTS"] = 3
    CampaignRecipient.objects.filter(pk=tired.pk).update(attempts=2)
    CampaignRecipient.objects.filter(pk=refused.pk).update(next_attempt_at=LONG_AGO - timedelta(1))
    campaign.rate_per_second = 5  # one call at a time, in order
    campaign.save()
    provider.script.extend([answer(422), answer(500)])

    take_turn()

    assert statuses(campaign) == ["failed", "failed"]
    refused.refresh_from_db()
    assert (refused.error, refused.failed_at is None) == ("The provider answered 422.", False)
    campaign.refresh_from_db()
    assert campaign.status == "finished"


def test_one_whose_attempts_never_came_back_is_given_up_without_a_call(provider, campaign):
    (row,) = recipients(campaign, 1)
    CampaignRecipient.objects.update(attempts=8)

    take_turn()

    row.refresh_from_db()
    assert (row.status, row.error) == ("failed", "The last attempt never came back.")
    assert provider.calls == []


def test_a_crashed_claim_comes_back_when_its_lease_ends(provider, campaign):
    recipients(campaign, 1)
    (lost,) = claim(campaign, 5)

    assert take_turn(0.5) == 0
    assert statuses(campaign) == ["pending"]
    make_due(campaign)  # the lease is over
    assert take_turn() == 1
    assert provider.keys == [str(lost.key)]
    assert CampaignRecipient.objects.get().attempts == 2


def test_a_claim_that_grew_old_is_given_back_unsent(provider, campaign):
    recipients(campaign, 1)
    (claimed,) = claim(campaign, 1)

    result = campaign_sending._send(get_provider(), claimed, time.monotonic() - 0.001)
    campaign_recipients.settle(campaign_id=campaign.pk, results=[result], now=timezone.now())

    row = CampaignRecipient.objects.get()
    assert (row.status, row.attempts, row.lease_until) == ("pending", 0, None)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at <= timezone.now()
    assert Campaign.objects.get().recent_attempts == ""
    assert provider.calls == []


@pytest.mark.parametrize("action", ["pause", "cancel"])
def test_nobody_is_claimed_once_it_does_not_run(provider, campaign, action, broker):
    recipients(campaign, 3)
    move(campaign, action)

    assert campaign_recipients.claim(campaign_id=campaign.pk, wanted=3) is None
    assert take_turn(0.3) == 0


def test_one_who_opted_out_meanwhile_is_skipped_without_a_call(provider, campaign):
    (row,) = recipients(campaign, 1)
    row.contact.opted_out_at = timezone.now()
    row.contact.save()

    take_turn()

    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == ("skipped", 0, "The contact opted out.")
    assert provider.calls == []
    assert Campaign.objects.get().status == "finished"


def test_too_many_failures_pause_it_with_a_reason_and_a_resume_counts_anew(provider, broker):
    campaign = CampaignFactory.create(
        status="running", started_at=LONG_AGO, rate_per_second=400, error_ratio_limit=0.2
    )
    recipients(campaign, 70)
    provider.script.extend([answer(400)] * 70)

    take_turn()

    campaign.refresh_from_db()
    assert campaign.status == "paused"
    assert "attempts failed, more than 20%" in campaign.pause_reason
    assert "The provider answered 400." in campaign.pause_reason
    assert 20 <= len(provider.calls) <= 20 + 2 * campaign_sending.CALLS_AT_ONCE
    provider.script.clear()
    move(campaign, "resume")
    take_turn()
    campaign.refresh_from_db()
    assert (campaign.status, campaign.pause_reason) == ("finished", "")


def settle(campaign, outcomes):
    """Settle attempts on a recipient of their own each; an x fails."""
    for outcome in outcomes:
        RecipientFactory.create(campaign=campaign)
        (claimed,) = claim(campaign, 1)
        error = ProviderError("No.", permanent=True) if outcome == "x" else None
        result = Result(recipient=claimed, provider_id="pm", error=error)
        Campaign.objects.update(bucket_at=None)
        campaign_recipients.settle(campaign_id=campaign.pk, results=[result], now=timezone.now())


def test_only_the_last_fifty_attempts_count_and_fewer_than_twenty_prove_nothing(campaign):
    Campaign.objects.update(error_ratio_limit="0.200")

    settle(campaign, "x" * 19)
    assert Campaign.objects.get().status == "running"
    Campaign.objects.update(recent_attempts="x" * 10 + "." * 40)
    settle(campaign, "x")  # ten of the last fifty: as many as the limit, not more
    assert Campaign.objects.get().status == "running"
    Campaign.objects.update(recent_attempts="." + "x" * 10 + "." * 39)
    settle(campaign, "x")
    assert Campaign.objects.get().status == "paused"


def test_a_cancelled_one_that_was_on_its_way_counts_as_sent(campaign, broker):
    recipients(campaign, 2)
    first, second = claim(campaign, 2)
    move(campaign, "cancel")

    results = [
        Result(recipient=first, provider_id="pm"),
        Result(recipient=second, error=ProviderError("Later.")),
    ]
    campaign_recipients.settle(campaign_id=campaign.pk, results=results, now=timezone.now())

    assert statuses(campaign) == ["sent", "skipped"]


def test_the_rate_holds_over_one_worker(provider, campaign):
    campaign.rate_per_second = 20
    campaign.save()
    recipients(campaign, 60)

    began = time.monotonic()

    assert take_turn(1.5) <= (time.monotonic() - began) * 20 + 3
    assert len(provider.calls) >= 5


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_share_one_bucket_and_no_recipient():
    campaign = CampaignFactory.create(
        status="running", started_at=LONG_AGO, rate_per_second=50, bucket_at=timezone.now()
    )
    recipients(campaign, 120)
    began = time.monotonic()
    ends_at = began + 1.5

    def claim_all(_number):
        got = []
        while time.monotonic() < ends_at:
            got += campaign_recipients.claim(campaign_id=campaign.pk, wanted=8) or []
        return [row.pk for row in got]

    taken = [pk for worker in together(3, claim_all) for pk in worker]
    assert len(taken) == len(set(taken))
    assert 10 <= len(taken) <= 50 * (time.monotonic() - began) + 6


@pytest.mark.django_db(transaction=True)
def test_a_campaign_is_not_finished_while_failed_ones_are_queued_again(broker):
    for _ in range(5):
        campaign = CampaignFactory.create(status="running", started_at=LONG_AGO)
        RecipientFactory.create(campaign=campaign, status="failed", next_attempt_at=None)

        def work(number, campaign=campaign):
            if number:
                return campaigns.finish(campaign_id=campaign.pk, now=timezone.now())
            return move(Campaign.objects.get(pk=campaign.pk), "retry-failed")

        together(2, work)
        campaign.refresh_from_db()
        assert campaign.status == "running"
        assert statuses(campaign) == ["pending"]


def test_a_turn_makes_room_for_a_call_that_waits_for_a_worker(provider, campaign, monkeypatch):
    campaign.rate_per_second = 5
    campaign.save()
    recipients(campaign, 50)
    began = time.monotonic()

    land = campaign_sending._Turn._land

    def land_and_ring(turn, *, within_seconds):
        land(turn, within_seconds=within_seconds)
        Campaign.objects.update(rung_at=timezone.now() - timedelta(seconds=1))

    monkeypatch.setattr(campaign_sending._Turn, "_land", land_and_ring)
    take_turn(5)
    assert time.monotonic() - began < 2


def test_a_turn_ends_when_nobody_is_due_and_finishes_what_is_over(provider, campaign):
    recipients(campaign, 1)
    began = time.monotonic()

    take_turn(15)

    assert time.monotonic() - began < 5
    assert Campaign.objects.get().status == "finished"
