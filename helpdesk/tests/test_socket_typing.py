"""Who is typing is shown to the others of a ticket, now and then, and kept nowhere."""

from __future__ import annotations

import pytest

from helpdesk.access import Role
from helpdesk.models import Event
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.sockets import connected, in_database

pytestmark = pytest.mark.django_db(transaction=True)
TYPING = {"op": "typing"}


@pytest.fixture
async def ticket(transactional_db):
    return await in_database(TicketFactory)()


async def user_of(role=Role.AGENT):
    return await in_database(UserFactory)(role=role)


async def test_others_on_the_ticket_see_who_types_and_the_typist_does_not(ticket):
    typist = await user_of()
    async with (
        connected(ticket.pk, typist) as one,
        connected(ticket.pk, await user_of(Role.VIEWER)) as two,
    ):
        await one.next_heartbeat()
        await two.next_heartbeat()
        await one.send(TYPING)
        frame = await two.next_event()
        assert await one.is_silent()

    assert len(frame.pop("trace_id")) == 32
    assert frame.pop("occurred_at").endswith("Z")
    assert frame == {
        "type": "typing",
        "ticket": ticket.pk,
        "data": {"user": {"id": typist.pk, "name": typist.name}},
    }
    assert not await in_database(Event.objects.exists)()


async def test_typing_is_shown_at_most_once_a_while(ticket, monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.ticket.TYPING_SECONDS", 0.6)
    async with (
        connected(ticket.pk, await user_of()) as one,
        connected(ticket.pk, await user_of()) as two,
    ):
        await one.next_heartbeat()
        await two.next_heartbeat()
        for _ in range(5):
            await one.send(TYPING)
        await two.next_event()
        assert await two.is_silent()
        assert await two.is_silent()
        await one.send(TYPING)
        await two.next_event()


@pytest.mark.parametrize("operation", [TYPING, {"op": "drop"}, [], "x", {"op": ["typing"]}, {}])
async def test_a_viewer_and_other_operations_show_nothing(ticket, operation):
    async with (
        connected(ticket.pk, await user_of(Role.VIEWER)) as one,
        connected(ticket.pk, await user_of()) as two,
    ):
        await one.next_heartbeat()
        await two.next_heartbeat()
        await one.send(operation)
        assert await two.is_silent()
        assert await one.is_silent()


async def test_sockets_of_other_tickets_see_nothing(ticket):
    other = await in_database(TicketFactory)()
    async with (
        connected(ticket.pk, await user_of()) as one,
        connected(other.pk, await user_of()) as two,
    ):
        await one.next_heartbeat()
        await two.next_heartbeat()
        await one.send(TYPING)
        assert await two.is_silent()
