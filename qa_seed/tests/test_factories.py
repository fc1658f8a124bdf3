"""The factories make single conversations whose counters and times agree, as the seed does."""

from __future__ import annotations

import pytest

from helpdesk.models import Message, Ticket
from qa_seed.factories import ContactFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("trait", "status", "length"),
    [
        ({}, "open", 1),
        ({"is_answered": True}, "pending", 2),
        ({"is_resolved": True}, "resolved", 3),
    ],
)
def test_a_trait_says_how_far_the_conversation_went(trait, status, length):
    ticket = TicketFactory.create(**trait)
    said = list(ticket.messages.order_by("seq"))
    assert (ticket.status, len(said)) == (status, length)
    assert ticket.message_count == ticket.message_seq == length
    assert ticket.last_message_at == said[-1].created_at
    assert ticket.last_message_preview == said[-1].body[:140]
    assert (ticket.first_response_at is None) == (length == 1)
    assert (ticket.resolved_at is None) == (status != "resolved")
    assert all(message.body and "{" not in message.body for message in said)


def test_tickets_of_a_batch_are_about_different_things():
    tickets = TicketFactory.create_batch(5, is_urgent=True)
    assert {ticket.priority for ticket in tickets} == {Ticket.Priority.URGENT}
    assert len({ticket.subject for ticket in tickets}) == 5
    assert len({ticket.contact_id for ticket in tickets}) == 5


def test_agents_sign_what_they_wrote():
    agent = UserFactory.create(name="Célia Prado")
    answer = TicketFactory.create(assignee=agent, is_answered=True).messages.get(seq=2)
    assert (answer.kind, answer.author) == (Message.Kind.OUTBOUND, agent)


def test_traits_of_people_hold():
    assert UserFactory.create(is_owner=True).is_superuser
    assert UserFactory.create(is_viewer=True).role == "VIEWER"
    assert ContactFactory.create(has_opted_out=True).opted_out_at is not None
