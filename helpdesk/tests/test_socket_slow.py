"""A client that does not keep up is closed to come again: nothing is dropped behind its back."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone

from helpdesk.consumers.backlog import EXTENSION, LIMIT_BYTES
from helpdesk.models import Event
from helpdesk.services import tickets
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.sockets import connected, in_database

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """Stands for the server's buffer towards one client."""

    def __init__(self) -> None:
        self.held_bytes = 0

    def __call__(self) -> int:
        return self.held_bytes


@pytest.fixture
async def user(transactional_db):
    return await in_database(UserFactory)()


@pytest.fixture
async def ticket(transactional_db):
    return await in_database(TicketFactory)()


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.backlog.PATIENCE_SECONDS", 1.0)


@in_database
def change(ticket, times=1):
    for number in range(times):
        tickets.change(
            ticket_id=ticket.pk, changes={"subject": f"S {number}"}, version=None,
            now=timezone.now(),
        )  # fmt: skip


async def test_a_full_buffer_is_waited_for_and_the_rest_follows_when_it_drains(user, ticket):
    server = Server()
    async with connected(ticket.pk, user, extensions={EXTENSION: server}) as socket:
        await socket.next_heartbeat()
        server.held_bytes = LIMIT_BYTES + 1
        await change(ticket, 3)
        assert (await socket.next_event())["seq"] == 1
        assert await socket.is_silent()
        server.held_bytes = 0
        assert [(await socket.next_event())["seq"] for _ in range(2)] == [2, 3]


@pytest.mark.parametrize("place", ["ticket", "inbox"])
async def test_a_buffer_that_stays_full_closes_the_socket_with_4408(user, ticket, place):
    server = Server()
    ticket_id = ticket.pk if place == "ticket" else 0
    async with connected(ticket_id, user, extensions={EXTENSION: server}) as socket:
        await socket.next_heartbeat()
        server.held_bytes = LIMIT_BYTES + 1
        await change(ticket, 3)
        assert (await socket.next_event())["seq"] == 1
        assert await socket.close_code() == 4408
        assert await socket.is_silent()


async def test_a_quiet_socket_whose_last_bytes_nobody_takes_is_closed_with_4408(user, ticket):
    server = Server()
    async with connected(ticket.pk, user, extensions={EXTENSION: server}) as socket:
        await socket.next_heartbeat()
        server.held_bytes = 1
        assert await socket.close_code() == 4408


async def test_a_client_that_falls_far_behind_with_its_acks_is_closed_with_4408(user, monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.deliveries.MAX_UNACKNOWLEDGED", 20)
    async with connected(0, user, "ack=1") as socket:
        await socket.next_heartbeat()
        await in_database(Event.objects.bulk_create)(
            Event(type="campaign.updated", data={}, occurred_at=timezone.now()) for _ in range(50)
        )
        await change(await in_database(TicketFactory)())
        for _ in range(22):  # the one that goes too far is noticed with the next
            await socket.next_event()
        assert await socket.close_code() == 4408


async def test_without_word_from_the_server_nothing_is_waited_for(user, ticket):
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await asyncio.sleep(1.3)
        await change(ticket)
        assert (await socket.next_event())["seq"] == 1
