"""What holds for every seed and size, in drafts and in rows."""

from __future__ import annotations

import statistics
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, Q
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from helpdesk.models import CampaignRecipient, DeadLetter, Message, Ticket
from qa_seed.tests.nowhere import NOW, digest_of, drafts_of, plan

SEEDS = st.integers(0, 2**63 - 1)
# No shrinking: a smaller seed tells no more, and the search for it takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(SEEDS, st.integers(1, 30), st.integers(0, 30), st.integers(1, 3))
def test_every_larger_desk_begins_with_the_smaller_one(seed, tickets, more, scale):
    small = drafts_of(plan(seed=seed, tickets=tickets))
    for wanted in (
        plan(seed=seed, tickets=tickets + more),
        plan(seed=seed, tickets=tickets, scale=scale),
    ):
        large = drafts_of(wanted)
        assert {key: large.by_key[key] for key in small.by_key} == small.by_key
        assert large.campaigns == small.campaigns
        assert large.colleagues[: len(small.colleagues)] == small.colleagues


@settings(max_examples=3, deadline=None, phases=PHASES)
@given(SEEDS)
def test_more_urgent_tickets_are_answered_sooner_whatever_the_seed(seed):
    waits: dict[str, list[float]] = {"urgent": [], "high": [], "medium": [], "low": []}
    for ticket in drafts_of(plan(seed=seed, tickets=600, users=20)).tickets:
        if ticket.first_response_at:
            waited = ticket.first_response_at - ticket.created_at
            waits[ticket.priority].append(waited.total_seconds())
    medians = [statistics.median(found) for found in waits.values()]
    assert medians == sorted(medians)


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(SEEDS, SEEDS)
def test_the_digest_tells_plans_apart(one, other):
    assert (digest_of(plan(seed=one, tickets=5)) == digest_of(plan(seed=other, tickets=5))) == (
        one == other
    )


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(
    max_examples=3,
    deadline=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(SEEDS, st.integers(0, 25), st.floats(1, 8))
def test_rows_agree_with_each_other_and_a_second_run_adds_none(seed, number, tickets, mean):
    wanted = {"tickets": tickets, "messages_per_ticket": mean, "seed": number}
    with undone():
        first = seed(**wanted)
        with connection.cursor() as cursor:  # foreign keys wait for the commit; not here
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        check_counters(tickets)
        check_campaigns()
        second = seed(**wanted)
        assert "0 created: everything was there already." in second
        assert second.split("Digest")[1] == first.split("Digest")[1]


def check_counters(tickets):
    counted = Ticket.objects.annotate(
        rows=Count("messages"),
        last=Max("messages__seq"),
        first=Min("messages__seq"),
        answered_at=Min("messages__created_at", filter=Q(messages__kind="outbound")),
    )
    assert counted.filter(
        rows=F("message_count"), last=F("message_seq"), message_seq=F("message_count"), first=1,
        last_activity_at__lte=NOW, created_at__lte=F("last_activity_at"),
    ).count() == tickets  # fmt: skip
    unanswered = counted.filter(answered_at__isnull=True, first_response_at__isnull=True)
    assert unanswered.count() + counted.filter(answered_at=F("first_response_at")).count() == (
        tickets
    )
    assert not counted.filter(status="resolved", first_response_at__isnull=True)
    failed = Message.objects.filter(status="failed")
    assert failed.count() == DeadLetter.objects.filter(message__in=failed).count()


def check_campaigns():
    waiting = CampaignRecipient.objects.filter(status="pending")
    assert not waiting.filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=NOW))
    assert not CampaignRecipient.objects.exclude(contact__channel=F("campaign__channel"))
