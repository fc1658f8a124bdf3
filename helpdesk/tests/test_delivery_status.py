"""A message's status only moves forward, in whatever order and number its events come."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from helpdesk.models import DeadLetter, Event, Message
from helpdesk.services import delivery
from helpdesk.tests.factories import LONG_AGO, MessageFactory, TicketFactory

pytestmark = pytest.mark.django_db
STATUSES = ("sent", "delivered", "read", "failed")
FIELDS = (
    "status", "provider_id", "error", "sent_at", "delivered_at", "read_at", "failed_at",
    "next_attempt_at", "lease_until",
)  # fmt: skip
EVENTS = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.integers(0, 50)), min_size=1, max_size=6, unique=True
)


def advance(message, status, second):
    return delivery.advance(
        message_id=message.pk,
        status=status,
        at=LONG_AGO + timedelta(seconds=second),
        now=timezone.now(),
        provider_id=f"pm_{message.pk}",
        error="refused" if status == "failed" else "",
    )


def end_state(ticket, events):
    Message.objects.all().delete()
    message = MessageFactory.create(ticket=ticket)
    for status, second in events:
        advance(message, status, second)
    row = Message.objects.filter(pk=message.pk).values(*FIELDS).get()
    assert row.pop("provider_id") == f"pm_{message.pk}"
    return row


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS, data=st.data())
def test_any_order_and_repetition_of_events_ends_in_the_same_row(ticket, events, data):
    shuffled = data.draw(st.permutations(events))
    repeated = shuffled + data.draw(st.lists(st.sampled_from(events), max_size=4))

    assert end_state(ticket, repeated) == end_state(ticket, events)


@pytest.mark.parametrize("new", STATUSES)
@pytest.mark.parametrize("old", ["queued", "sending", *STATUSES])
def test_a_status_never_goes_backwards(old, new):
    message = MessageFactory.create(status=old)

    moved = advance(message, new, 1)

    message.refresh_from_db()
    assert moved is (delivery.RANK[new] > delivery.RANK[old])
    assert message.status == (new if moved else old)
    assert Event.objects.filter(ticket=message.ticket).exists() is moved


def test_a_late_delivery_proves_a_failure_wrong_and_not_the_other_way_round():
    wrong, right = MessageFactory.create(), MessageFactory.create()

    advance(wrong, "failed", 1)
    assert advance(wrong, "delivered", 2) is True
    advance(right, "delivered", 1)
    assert advance(right, "failed", 2) is False

    statuses = Message.objects.order_by("pk").values_list("status", "error")
    assert list(statuses) == [("delivered", ""), ("delivered", "")]


def test_a_delivery_reported_while_we_wait_to_try_again_ends_the_trying():
    message = MessageFactory.create(status="queued", next_attempt_at=timezone.now(), attempts=1)

    advance(message, "delivered", 1)

    assert delivery.claim(message_id=message.pk, now=timezone.now()) is None


def test_events_of_one_message_number_its_tickets_journal_without_holes():
    ticket = TicketFactory.create()
    message = MessageFactory.create(ticket=ticket)

    for status in ("read", "sent", "delivered", "read"):
        advance(message, status, 1)
    advance(MessageFactory.create(ticket=ticket), "sent", 1)

    events = Event.objects.filter(ticket=ticket).order_by("seq")
    assert [(e.seq, e.data["status"]) for e in events] == [(1, "read"), (2, "sent")]
    ticket.refresh_from_db()
    assert ticket.event_seq == 2


def test_an_unknown_message_is_told(db):
    with pytest.raises(Message.DoesNotExist):
        delivery.advance(message_id=1, status="sent", at=timezone.now(), now=timezone.now())


def test_a_failure_that_the_provider_reports_is_kept_as_a_dead_letter(ticket):
    message = MessageFactory.create(ticket=ticket)
    advance(message, "sent", 1)
    advance(message, "failed", 2)
    assert DeadLetter.objects.get().reason == "refused"


def test_the_dead_letter_of_a_message_that_arrived_after_all_is_closed(ticket):
    message = MessageFactory.create(ticket=ticket)
    advance(message, "failed", 1)
    advance(message, "delivered", 2)
    assert DeadLetter.objects.get().redriven_at is not None
