"""The command, on a real database: counts, repeats, wipes and refusals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Max, Min, Q

from helpdesk.models import (
    Attachment,
    Campaign,
    CampaignRecipient,
    Contact,
    DeadLetter,
    Message,
    Ticket,
    User,
)
from helpdesk.tests.factories import ContactFactory, TicketFactory, UserFactory
from qa_seed.tests.nowhere import digest_of, plan

pytestmark = pytest.mark.django_db
NEXT_WEEK = datetime(2026, 12, 1, 14, 37, tzinfo=UTC)
MODELS = (User, Contact, Ticket, Message, Attachment, DeadLetter, Campaign, CampaignRecipient)


def row_counts():
    return {model.__name__: model.objects.count() for model in MODELS}


def digest_in(printed):
    (found,) = re.findall(r"Digest ([0-9a-f]{32})", printed)
    return found


def test_it_creates_what_was_asked_for(seed):
    seed(users=9, tickets=150, campaigns=4)
    counts = row_counts()
    assert (counts["User"], counts["Ticket"], counts["Campaign"]) == (9, 150, 4)
    assert 450 < counts["Message"] < 1200
    assert counts["Attachment"] > 0
    assert counts["CampaignRecipient"] > 0


def test_defaults_come_from_the_settings(seed, settings):
    settings.QA_SEED = {**settings.QA_SEED, "USERS": 5, "TICKETS": 3, "MESSAGES_PER_TICKET": 2}
    call_command("seed_qa", "--campaigns=0", verbosity=0)
    assert (User.objects.count(), Ticket.objects.count()) == (5, 3)


def test_the_second_run_creates_nothing(seed):
    first = seed()
    before = row_counts()
    second = seed()
    assert row_counts() == before
    assert "0 created" in second
    assert "0 created" not in first
    assert digest_in(first) == digest_in(second)


def test_a_later_run_continues_the_same_history(seed):
    first = seed()
    assert digest_in(seed(now=None)) == digest_in(first)
    assert "Created 0 users" in seed(now=None, tickets=100)
    assert Ticket.objects.count() == 100


def test_an_interrupted_run_is_completed(seed):
    seed()
    Ticket.objects.filter(number__lt=Ticket.objects.aggregate(at=Max("number"))["at"] - 9).delete()
    assert Ticket.objects.count() == 10
    seed()
    assert Ticket.objects.count() == 80


def test_a_dry_run_counts_and_writes_nothing(seed, media):
    empty = row_counts()
    rehearsed = seed(dry_run=True)
    assert row_counts() == empty
    assert not media.exists()
    created = seed()
    listed = re.compile(r"reate(?:d)? (.*) in ")
    assert listed.findall(rehearsed) == listed.findall(created) != []
    assert digest_in(rehearsed) == digest_in(created)


def test_two_processes_agree_on_the_digest(seed):
    script = (
        "import django; django.setup()\n"
        "from qa_seed.tests.nowhere import digest_of, plan\n"
        "print(digest_of(plan()))"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONHASHSEED": "17"}
    other = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest_of(plan())
    assert digest_in(seed(users=8, tickets=120)) == other.stdout.strip()


def test_counters_of_tickets_equal_their_rows(seed):
    seed(tickets=200)
    counted = Ticket.objects.annotate(
        rows=Count("messages"),
        newest_seq=Max("messages__seq"),
        oldest_seq=Min("messages__seq"),
        answered_at=Min("messages__created_at", filter=Q(messages__kind="outbound")),
        said_at=Max("messages__created_at", filter=~Q(messages__kind="note")),
    )
    assert counted.count() == 200
    agree = counted.filter(
        rows=F("message_count"), newest_seq=F("message_seq"), oldest_seq=1, event_seq=0,
        message_count=F("message_seq"), last_message_at=F("said_at"),
        last_activity_at=F("updated_at"), last_activity_at__gte=F("said_at"),
    )  # fmt: skip
    assert agree.count() == 200
    assert not counted.exclude(answered_at__isnull=True, first_response_at__isnull=True).exclude(
        answered_at=F("first_response_at")
    )


def test_messages_have_every_status_and_nothing_is_due_for_a_week(seed):
    seed(tickets=700)
    found = Message.objects.values_list("status", flat=True).distinct()
    assert set(found) == set(Message.Status.values)
    waiting = Message.objects.filter(status__in=["queued", "sending"])
    assert waiting.count() < 20
    assert {message.next_attempt_at for message in waiting} == {NEXT_WEEK}
    assert not Message.objects.exclude(status__in=["queued", "sending"]).filter(
        next_attempt_at__isnull=False
    )


def test_a_larger_scale_adds_teams_and_keeps_what_was_there(seed):
    seed(users=6, tickets=40)
    kept = set(Ticket.objects.values_list("seed_key", "subject", "assignee__email"))
    recipients = set(CampaignRecipient.objects.values_list("key", flat=True))
    assert "0 campaigns" in seed(users=6, tickets=40, scale=3)
    assert (User.objects.count(), Ticket.objects.count()) == (18, 120)
    assert kept < set(Ticket.objects.values_list("seed_key", "subject", "assignee__email"))
    assert set(CampaignRecipient.objects.values_list("key", flat=True)) == recipients


def test_failed_messages_have_their_dead_letter(seed):
    seed(tickets=700)
    failed = set(Message.objects.filter(status="failed").values_list("pk", flat=True))
    assert failed
    assert set(DeadLetter.objects.values_list("message_id", flat=True)) == failed


def test_ticket_numbers_rise_with_time_and_stay_free_for_new_tickets(seed):
    seed()
    by_age = Ticket.objects.order_by("created_at", "number").values_list("number", flat=True)
    assert list(by_age) == sorted(by_age)
    assert TicketFactory.create().number > max(by_age)


def test_demo_logins_open_the_door_with_their_roles(seed, rf):
    seed()
    roles = {"owner": "OWNER", "admin": "ADMIN", "agent": "AGENT", "viewer": "VIEWER"}
    for name, role in roles.items():
        user = authenticate(rf.post("/"), username=f"{name}@demo.test", password="demo-pass-123")
        assert user is not None
        assert user.role == role
        assert user.is_staff == (role in {"OWNER", "ADMIN"})
        assert user.is_superuser == (role == "OWNER")


def test_wipe_leaves_rows_that_others_made(seed, media):
    contact = ContactFactory.create(address="+5511900000007")  # the shape of ours, but not ours
    ticket = TicketFactory.create(assignee=UserFactory.create())
    before = row_counts()
    seed()
    call_command("seed_qa", wipe=True, verbosity=0)
    assert row_counts() == before
    assert Contact.objects.filter(pk=contact.pk).exists()
    assert Ticket.objects.filter(pk=ticket.pk).exists()
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_wipe_keeps_people_whom_other_rows_need(seed):
    seed()
    contact = Ticket.objects.order_by("number")[0].contact
    agent = User.objects.get(email="agent@demo.test")
    ticket = TicketFactory.create(contact=contact, assignee=agent)
    call_command("seed_qa", wipe=True, verbosity=0)
    ticket.refresh_from_db()
    assert (ticket.contact, ticket.assignee) == (contact, agent)
    assert (User.objects.count(), Contact.objects.count()) == (1, 1)


def test_after_a_wipe_the_same_desk_comes_back(seed):
    first = digest_in(seed())
    call_command("seed_qa", wipe=True, verbosity=0)
    assert digest_in(seed()) == first
    assert Ticket.objects.count() == 80


@pytest.mark.parametrize("options", [{}, {"wipe": True}, {"dry_run": True}])
def test_production_is_refused(seed, settings, options):
    seed(tickets=5)
    before = row_counts()
    settings.QA_SEED = {**settings.QA_SEED, "ENVIRONMENT": "production"}
    with pytest.raises(CommandError, match="never runs with ENVIRONMENT=production"):
        seed(tickets=9, **options)
    assert row_counts() == before


@pytest.mark.parametrize("now", ["yesterday", "2026-11-24T12:00:00", "2026-13-01T00:00:00Z"])
def test_a_now_without_meaning_is_refused(seed, now):
    with pytest.raises(CommandError, match="is not a time with zone"):
        seed(now=now)


def test_an_impossible_plan_is_refused_in_words(seed):
    with pytest.raises(CommandError, match="At least 4 users"):
        seed(users=1)
    assert not User.objects.exists()
