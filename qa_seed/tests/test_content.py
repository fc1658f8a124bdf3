"""What is seeded agrees with itself and with the clock, whatever the seed and the size."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.models import Message, Ticket
from qa_seed.dice import dice_of, draw_length
from qa_seed.people import customer
from qa_seed.plan import ImpossiblePlan
from qa_seed.surroundings import SETTINGS
from qa_seed.tests.nowhere import NOW, drafts_of, plan
from qa_seed.working_time import SAO_PAULO, after_working_minutes, easter, is_working_day

PLANS = st.builds(
    plan,
    seed=st.integers(0, 2**63 - 1),
    tickets=st.integers(0, 40),
    users=st.integers(4, 30),
    messages_per_ticket=st.floats(1, 30),
    now=st.integers(1_700_000_000, 1_900_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
some_plans = settings(max_examples=20, deadline=None)


def times_of(message):
    return [message.sent_at, message.delivered_at, message.read_at, message.failed_at]


@some_plans
@given(PLANS)
def test_nothing_happens_in_the_future(wanted):
    drafts = drafts_of(wanted)
    for ticket in drafts.tickets:
        assert ticket.last_activity_at <= wanted.now
        for message in ticket.messages:
            assert message.created_at <= wanted.now
            assert all(at is None or at <= wanted.now for at in times_of(message))
    for campaign in drafts.campaigns:
        times = [campaign.created_at, campaign.started_at, campaign.finished_at]
        times += [at for r in campaign.recipients for at in (r.sent_at, r.delivered_at)]
        assert all(at is None or at <= wanted.now for at in times)


@some_plans
@given(PLANS)
def test_messages_come_in_order_and_begin_with_the_customer(wanted):
    for ticket in drafts_of(wanted).tickets:
        said = [message.created_at for message in ticket.messages]
        assert said == sorted(set(said))
        assert [message.seq for message in ticket.messages] == list(range(1, len(said) + 1))
        assert ticket.messages[0].kind == Message.Kind.INBOUND
        assert ticket.messages[0].created_at == ticket.created_at


@some_plans
@given(PLANS)
def test_receipts_come_in_order_and_fit_the_status(wanted):
    for ticket in drafts_of(wanted).tickets:
        for message in ticket.messages:
            known = [at for at in [message.created_at, *times_of(message)] if at is not None]
            assert known == sorted(known)
            assert (message.status == Message.Status.FAILED) == (message.failed_at is not None)
            assert (message.status == Message.Status.READ) == (message.read_at is not None)


@some_plans
@given(PLANS)
def test_a_resolved_ticket_was_answered_and_nothing_was_said_after(wanted):
    for ticket in drafts_of(wanted).tickets:
        if ticket.status == Ticket.Status.RESOLVED:
            assert ticket.resolved_at is not None
        if ticket.resolved_at is not None:
            assert ticket.first_response_at is not None
            assert ticket.messages[-1].created_at < ticket.resolved_at
        if ticket.closed_at is not None:
            assert ticket.status == Ticket.Status.CLOSED


@some_plans
@given(PLANS)
def test_housekeeping_finds_no_ticket_to_close(wanted):
    due = wanted.now - timedelta(days=SETTINGS["auto_close_after_days"])
    for ticket in drafts_of(wanted).tickets:
        if ticket.status == Ticket.Status.RESOLVED:
            assert ticket.resolved_at is not None
            assert ticket.resolved_at > due


@some_plans
@given(PLANS)
def test_text_has_no_open_slot_and_fits_its_column(wanted):
    for ticket in drafts_of(wanted).tickets:
        assert 0 < len(ticket.subject) <= 200
        assert "{" not in ticket.subject
        for message in ticket.messages:
            assert "{" not in message.body
            assert message.body or message.document
            assert len(message.body) <= Message.MAX_BODY_CHARS


def test_a_smaller_desk_is_the_beginning_of_a_larger_one():
    small, large = drafts_of(plan(tickets=50)), drafts_of(plan(tickets=300))
    assert len(large.by_key) == 300
    assert small.by_key == {key: large.by_key[key] for key in small.by_key}
    assert small.campaigns == large.campaigns


def test_a_smaller_scale_is_the_beginning_of_a_larger_one():
    small, large = drafts_of(plan(tickets=30)), drafts_of(plan(tickets=30, scale=4))
    assert len(large.by_key) == 120
    assert small.by_key == {key: large.by_key[key] for key in small.by_key}
    assert small.colleagues == large.colleagues[:8]
    assert small.campaigns == large.campaigns
    teams = [{person.email for person in large.colleagues[at : at + 8]} for at in (0, 8, 16, 24)]
    for ticket in large.tickets:
        assert ticket.assignee is None or ticket.assignee.email in teams[ticket.index // 30]


def test_another_seed_makes_another_desk():
    ours, theirs = drafts_of(plan(seed=1)), drafts_of(plan(seed=2))
    assert [t.subject for t in ours.tickets] != [t.subject for t in theirs.tickets]


@pytest.mark.parametrize("seed", [7, 42])
def test_a_thousand_tickets_look_like_a_working_desk(seed):
    tickets = drafts_of(plan(tickets=1000, users=20, seed=seed)).tickets
    assert max(ticket.last_activity_at for ticket in tickets) <= NOW
    lengths = [len(ticket.messages) for ticket in tickets]
    assert 4.5 <= statistics.mean(lengths) <= 5.5
    assert max(lengths) > 5 * statistics.median(lengths)
    assert {ticket.status for ticket in tickets} == set(Ticket.Status)
    assert {ticket.priority for ticket in tickets} == set(Ticket.Priority)
    assert len({ticket.customer.channel for ticket in tickets}) == 4
    assert len({ticket.customer_index for ticket in tickets}) < 850  # some come back
    in_hours = [8 <= ticket.created_at.astimezone(SAO_PAULO).hour < 18 for ticket in tickets]
    assert 0.8 < statistics.mean(in_hours) < 0.92


def test_more_urgent_tickets_are_answered_sooner():
    waits: dict[str, list[float]] = {"urgent": [], "high": [], "medium": [], "low": []}
    for ticket in drafts_of(plan(tickets=1000, users=20)).tickets:
        if ticket.first_response_at:
            waited = ticket.first_response_at - ticket.created_at
            waits[ticket.priority].append(waited.total_seconds())
    medians = [statistics.median(found) for found in waits.values()]
    assert medians == sorted(medians)
    assert medians[0] < 600


def test_the_mean_length_is_the_one_asked_for():
    for mean in (2, 5, 12):
        drawn = [draw_length(dice_of(3, "length", n), mean) for n in range(20_000)]
        assert statistics.mean(drawn) == pytest.approx(mean, rel=0.04)


def test_no_two_customers_share_an_address():
    addresses = {customer(plan(), n).address for n in range(20_000)}
    assert len(addresses) == 20_000


def test_working_time_skips_night_weekend_and_holiday():
    thursday = datetime(2026, 11, 19, 17, 30, tzinfo=SAO_PAULO)
    assert not is_working_day(date(2026, 11, 20))  # Consciência Negra
    monday = datetime(2026, 11, 23, 8, 30, tzinfo=SAO_PAULO)
    assert after_working_minutes(thursday, 60) == monday


def test_easter_falls_where_the_church_puts_it():
    known = [date(2000, 4, 23), date(2019, 4, 21), date(2026, 4, 5), date(2038, 4, 25)]
    assert [easter(day.year) for day in known] == known


@pytest.mark.parametrize(
    "changes",
    [{"users": 3}, {"tickets": -1}, {"messages_per_ticket": 0}, {"seed": -1}, {"campaigns": -1},
     {"scale": 0}],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(changes):
    with pytest.raises(ImpossiblePlan):
        plan(**changes)


def test_the_running_campaign_leaves_almost_nothing_to_send():
    draft, running, finished = drafts_of(plan(tickets=600)).campaigns
    assert (draft.status, running.status, finished.status) == ("draft", "running", "finished")
    assert draft.recipients == []
    waiting = [r for r in running.recipients if r.status == "pending"]
    assert len(waiting) == 5
    assert all(r.next_attempt_at > NOW for r in waiting)
    assert {r.status for r in finished.recipients} >= {"delivered", "failed"}
