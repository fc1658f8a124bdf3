"""Moves of campaigns: one table, obeyed; what each does to those who are written to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk import dispatch
from helpdesk.models import AuditEntry, Campaign, CampaignRecipient, Event
from helpdesk.services import campaign_news, campaigns, recovery
from helpdesk.services.campaigns import CAMPAIGN_MOVES, MADE_BY_PEOPLE, CampaignMoveForbidden
from helpdesk.tests.campaigns import CampaignFactory, RecipientFactory, move, statuses
from helpdesk.tests.factories import LONG_AGO, ContactFactory, TicketFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", Campaign.Status.values)
@pytest.mark.parametrize("action", MADE_BY_PEOPLE)
def test_each_move_leads_where_the_table_says_or_is_refused(broker, status, action):
    campaign = CampaignFactory.create(status=status)
    RecipientFactory.create(campaign=campaign, status="failed", next_attempt_at=None)
    target = CAMPAIGN_MOVES[action].get(status)

    if target is None:
        with pytest.raises(CampaignMoveForbidden) as refusal:
            move(campaign, action)
        assert (refusal.value.status, refusal.value.code) == (409, "invalid_transition")
        campaign.refresh_from_db()
        assert campaign.status == status
        assert not AuditEntry.objects.exists()
        assert not Event.objects.exists()
    else:
        assert move(campaign, action)["status"] == target == campaign.status
        (entry,) = AuditEntry.objects.all()
        assert (entry.action, entry.target_id) == (f"campaign.{action}", str(campaign.pk))
        assert (entry.before, entry.after) == ({"status": status}, {"status": target})


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([*MADE_BY_PEOPLE, "finish"]), max_size=12))
def test_any_sequence_of_moves_stays_within_the_table(actions):
    ContactFactory.create()
    campaign = CampaignFactory.create(audience={"channel": "whatsapp", "limit": 3})
    expected = "draft"
    for action in actions:
        if action == "finish":
            done = campaigns.finish(campaign_id=campaign.pk, now=timezone.now())
            pending = "pending" in statuses(campaign)
            assert done == (expected == "running" and not pending)
            expected = "finished" if done else expected
            continue
        has_failed = "failed" in statuses(campaign)
        target = CAMPAIGN_MOVES[action].get(expected)
        if target is None:
            with pytest.raises(CampaignMoveForbidden):
                move(campaign, action)
        else:
            move(campaign, action)
            expected = expected if action == "retry-failed" and not has_failed else target
        campaign.refresh_from_db()
        assert campaign.status == expected
        assert (campaign.started_at is None) == ("recipients" not in _seen(campaign))
        CampaignRecipient.objects.filter(campaign=campaign, status="pending").update(
            status="failed"
        )


def _seen(campaign: Campaign) -> set[str]:
    return {"recipients"} if CampaignRecipient.objects.filter(campaign=campaign).exists() else set()


def test_the_first_start_writes_the_audience_down_with_the_words_each_gets():
    ana = ContactFactory.create(name="Ana {name} %s")
    gone = ContactFactory.create(name="Rui", opted_out_at=LONG_AGO)
    ContactFactory.create(channel="email", address="eva@example.com")
    campaign = CampaignFactory.create(body="Olá, {name}! {x} 100 %")

    shaped = move(campaign, "start")

    first, second = CampaignRecipient.objects.order_by("contact_id")
    assert (first.contact, first.status, first.body) == (
        ana,
        "pending",
        "Olá, Ana {name} %s! {x} 100 %",
    )
    assert first.next_attempt_at == campaign.started_at
    assert (second.contact, second.status) == (gone, "skipped")
    assert (second.error, second.next_attempt_at) == ("The contact opted out.", None)
    assert first.key != second.key
    assert shaped["counters"] == {
        "total": 2, "pending": 1, "sent": 0, "delivered": 0, "failed": 0, "skipped": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "action"), [("draft", "start"), ("paused", "resume"), ("finished", "retry-failed")]
)
def test_what_makes_it_run_calls_a_dispatcher_after_commit(
    broker, django_capture_on_commit_callbacks, status, action
):
    campaign = CampaignFactory.create(status=status)
    RecipientFactory.create(campaign=campaign, status="failed", next_attempt_at=None)

    with django_capture_on_commit_callbacks(execute=True):
        move(campaign, action)
        assert broker.jobs("campaigns") == []

    (job,) = broker.jobs("campaigns")
    assert job["headers"]["task"] == "helpdesk.dispatch_campaigns"
    assert campaign.rung_at is not None


def test_a_deaf_broker_leaves_the_call_to_the_sweeper(broker, django_capture_on_commit_callbacks):
    ContactFactory.create()
    campaign = CampaignFactory.create()
    dispatch._hush.begin()

    with django_capture_on_commit_callbacks(execute=True):
        move(campaign, "start")

    campaign.refresh_from_db()
    assert (campaign.status, campaign.rung_at) == ("running", None)
    dispatch._hush.until = 0
    assert recovery.sweep(now=timezone.now()) == 1


def test_the_audience_is_who_the_filter_names_oldest_first(broker):
    tagged = [ContactFactory.create(name=f"Vip {n}") for n in range(3)]
    for contact in tagged:
        TicketFactory.create(contact=contact, tags=["vip", "x"])
        TicketFactory.create(contact=contact, tags=["vip"])
    ContactFactory.create(name="Vip without tag")
    TicketFactory.create(contact=ContactFactory.create(name="Other"), tags=["vip"])
    campaign = CampaignFactory.create(
        audience={"channel": "whatsapp", "tag": "vip", "q": "vip", "limit": 2}
    )

    move(campaign, "start")

    chosen = CampaignRecipient.objects.order_by("id").values_list("contact_id", flat=True)
    assert list(chosen) == [tagged[0].pk, tagged[1].pk]


def test_an_audience_without_a_channel_is_that_of_the_campaigns_channel(broker):
    ContactFactory.create(channel="telegram")
    contact = ContactFactory.create(channel="whatsapp")
    campaign = CampaignFactory.create(channel="whatsapp", audience={})

    move(campaign, "start")

    assert list(campaign.recipients.values_list("contact_id", flat=True)) == [contact.pk]


def test_later_contacts_and_names_change_nothing(broker):
    contact = ContactFactory.create(name="Before")
    campaign = CampaignFactory.create()
    move(campaign, "start")

    contact.name = "After"
    contact.save()
    ContactFactory.create()
    move(campaign, "pause")
    move(campaign, "resume")

    (recipient,) = CampaignRecipient.objects.all()
    assert recipient.body == "Olá, Before!"


def test_cancel_skips_whoever_waits_and_leaves_the_others(broker):
    campaign = CampaignFactory.create(status="running", started_at=LONG_AGO)
    for status in ("pending", "sent", "delivered", "failed", "skipped"):
        RecipientFactory.create(campaign=campaign, status=status)

    shaped = move(campaign, "cancel")

    assert statuses(campaign) == ["skipped", "sent", "delivered", "failed", "skipped"]
    assert shaped["finished_at"] is not None


def test_retry_failed_keeps_the_key_and_runs_a_finished_campaign_again(broker):
    campaign = CampaignFactory.create(status="finished", finished_at=LONG_AGO)
    recipient = RecipientFactory.create(
        campaign=campaign, status="failed", attempts=8, error="No.", failed_at=LONG_AGO
    )

    shaped = move(campaign, "retry-failed")

    key = recipient.key
    recipient.refresh_from_db()
    assert (recipient.status, recipient.attempts, recipient.key) == ("pending", 0, key)
    assert (shaped["status"], shaped["finished_at"]) == ("running", None)


def test_retry_of_a_campaign_in_which_nobody_failed_changes_nothing(broker):
    campaign = CampaignFactory.create(status="finished", finished_at=LONG_AGO)

    assert move(campaign, "retry-failed")["status"] == "finished"
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_start_at_once_one_does(broker):
    contacts = [ContactFactory.create() for _ in range(5)]
    campaign = CampaignFactory.create()

    def start(_number):
        try:
            move(Campaign.objects.get(pk=campaign.pk), "start")
        except CampaignMoveForbidden:
            return 0
        return 1

    assert sum(together(6, start)) == 1
    assert CampaignRecipient.objects.count() == len(contacts)
    assert AuditEntry.objects.count() == 1


def test_a_campaign_is_announced_at_most_once_a_second_and_the_last_word_is_never_lost():
    campaign = CampaignFactory.create()
    now = timezone.now()

    for millisecond in range(0, 900, 100):
        campaign_news.tell(campaign_id=campaign.pk, now=now + timedelta(milliseconds=millisecond))
    assert Event.objects.count() == 1
    Campaign.objects.update(name="The last word")
    assert campaign_news.tell_changed(now=now + timedelta(milliseconds=999)) == 0
    assert campaign_news.tell_changed(now=now + timedelta(seconds=1)) == 1
    assert campaign_news.tell_changed(now=now + timedelta(seconds=9)) == 0

    last = Event.objects.latest("id")
    assert (last.type, last.ticket_id, last.seq) == ("campaign.updated", None, None)
    assert last.data["name"] == "The last word"
    assert last.data["counters"]["total"] == 0
