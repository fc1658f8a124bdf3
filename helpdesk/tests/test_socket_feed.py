"""What a socket is told: every event once and in order, whatever Redis loses."""

from __future__ import annotations

import asyncio
import socket as sockets

import pytest
from channels.layers import channel_layers
from django.db import transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from helpdesk.models import Event, Ticket
from helpdesk.selectors import events as reads
from helpdesk.services import tickets
from helpdesk.tests.factories import LONG_AGO, TicketFactory, UserFactory
from helpdesk.tests.sockets import connected, in_database

pytestmark = pytest.mark.django_db(transaction=True)
HISTOGRAM = "helpdesk_ws_delivery_seconds"


@pytest.fixture
async def user(transactional_db):
    return await in_database(UserFactory.create)()


@pytest.fixture
async def ticket(transactional_db):
    return await in_database(TicketFactory.create)()


@pytest.fixture
def quick_heartbeats(monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.base.HEARTBEAT_SECONDS", 0.5)


@in_database
def change(ticket, times=1):
    """Change the ticket as an agent does: rows, then doorbells."""
    for number in range(times):
        tickets.change(
            ticket_id=ticket.pk, changes={"subject": f"S {number}"}, version=None,
            now=timezone.now(),
        )  # fmt: skip


@in_database
def write_unheard(ticket, times=1):
    """Write events whose doorbells are lost."""
    with transaction.atomic():
        locked = tickets.get_locked(ticket_id=ticket.pk)
        Event.objects.bulk_create(
            Event(
                ticket=locked, seq=locked.event_seq + number, type="ticket.updated", data={},
                occurred_at=timezone.now(),
            )
            for number in range(1, times + 1)
        )  # fmt: skip
        locked.event_seq += times
        locked.save(update_fields=["event_seq"])


def seqs(frames):
    return [frame["seq"] for frame in frames]


async def take(socket, count):
    return [await socket.next_event() for _ in range(count)]


async def test_what_was_missed_is_replayed_once_in_order_and_then_comes_the_news(user, ticket):
    await change(ticket, 5)

    async with connected(ticket.pk, user, "after=2") as socket:
        assert seqs(await take(socket, 3)) == [3, 4, 5]
        await socket.next_heartbeat()
        await change(ticket)
        assert (await socket.next_event())["seq"] == 6
        assert await socket.is_silent()


async def test_without_a_position_only_news_comes(user, ticket):
    await change(ticket, 3)

    async with connected(ticket.pk, user) as socket:
        assert await socket.next() == {"type": "heartbeat", "seq": 3}
        await change(ticket)
        assert (await socket.next_event())["seq"] == 4


async def test_a_position_beyond_the_head_is_the_head(user, ticket):
    await change(ticket)

    async with connected(ticket.pk, user, "after=99") as socket:
        assert await socket.next_heartbeat() == {"type": "heartbeat", "seq": 1}
        await change(ticket)
        assert (await socket.next_event())["seq"] == 2


async def test_a_live_frame_is_the_journals_frame(user, ticket):
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await change(ticket)
        live = await socket.next_event()

    stored = await in_database(reads.list_of_ticket)(ticket_id=ticket.pk, after=0, limit=5)
    assert [live] == stored


async def test_sockets_hear_their_own_ticket_only(user, ticket):
    other = await in_database(TicketFactory.create)()
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await change(other)
        assert await socket.is_silent()


async def test_two_watchers_hear_the_same(user, ticket):
    async with connected(ticket.pk, user) as one, connected(ticket.pk, user) as two:
        await one.next_heartbeat()
        await two.next_heartbeat()
        await change(ticket, 3)
        assert seqs(await take(one, 3)) == seqs(await take(two, 3)) == [1, 2, 3]


async def test_a_lost_doorbell_is_made_good_by_the_next_one(user, ticket):
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await write_unheard(ticket, 3)
        assert await socket.is_silent()
        await change(ticket)

        assert seqs(await take(socket, 4)) == [1, 2, 3, 4]


async def test_a_lost_doorbell_is_made_good_by_the_heartbeat(user, ticket, quick_heartbeats):
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await write_unheard(ticket, 2)

        assert seqs(await take(socket, 2)) == [1, 2]
        assert (await socket.next_heartbeat())["seq"] == 2


async def test_a_repeated_or_late_doorbell_repeats_nothing(user, ticket):
    from helpdesk import dispatch, events  # noqa: PLC0415

    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        await change(ticket, 2)
        first, _ = await take(socket, 2)
        dispatch._ring(
            events.ticket_group(ticket.pk),
            {"type": "doorbell", "frame": first},
        )
        assert await socket.is_silent()


async def test_a_gap_of_500_is_replayed_and_a_larger_one_asks_for_a_resync(user, ticket):
    await write_unheard(ticket, 500)
    async with connected(ticket.pk, user, "after=0") as socket:
        assert seqs(await take(socket, 500)) == list(range(1, 501))

    await write_unheard(ticket)
    async with connected(ticket.pk, user, "after=0") as socket:
        assert await socket.next_event() == {"type": "resync", "seq": 501}
        await change(ticket)
        assert (await socket.next_event())["seq"] == 502


async def test_a_burst_arrives_complete_and_in_order(user, ticket):
    async with connected(ticket.pk, user, "after=0") as socket:
        await change(ticket, 150)
        assert seqs(await take(socket, 150)) == list(range(1, 151))


def use_layer(settings, address):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": address, "socket_connect_timeout": 0.5}]},
        }
    }
    channel_layers.backends.clear()


@pytest.fixture
def frozen_redis():
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.mark.parametrize("kind", ["refused", "frozen"])
async def test_without_the_channel_layer_a_socket_catches_up_by_asking(
    user, ticket, settings, frozen_redis, kind
):
    await change(ticket, 2)
    use_layer(settings, "redis://127.0.0.1:9/0" if kind == "refused" else frozen_redis)

    async with connected(ticket.pk, user, "after=0") as socket:
        assert seqs(await take(socket, 2)) == [1, 2]
        await change(ticket)
        assert (await socket.next_event())["seq"] == 3


def observed(name):
    return REGISTRY.get_sample_value(f"{HISTOGRAM}_{name}") or 0


async def test_delivery_is_measured_to_the_send_without_acknowledgements(user, ticket):
    async with connected(ticket.pk, user) as socket:
        await socket.next_heartbeat()
        before = observed("count")
        await change(ticket)
        await socket.next_event()

    assert observed("count") == before + 1


async def test_what_happened_before_the_socket_came_is_not_late(user, ticket):
    await write_unheard(ticket)
    await in_database(Event.objects.update)(occurred_at=LONG_AGO)
    before = observed("count")

    async with connected(ticket.pk, user, "after=0") as socket:
        await socket.next_event()
        await socket.next_heartbeat()

    assert observed("count") == before


@pytest.mark.parametrize("noise", ["x", "[]", "{}", '{"op":"ack"}', '{"op":"ack","seq":[1]}'])
async def test_delivery_is_measured_to_the_acknowledgement_once(user, ticket, noise):
    async with connected(ticket.pk, user, "ack=1") as socket:
        await socket.next_heartbeat()
        before, sum_before = observed("count"), observed("sum")
        await change(ticket)
        frame = await socket.next_event()
        await socket.send(noise)
        await asyncio.sleep(0.3)
        assert observed("count") == before

        for _ in range(2):
            await socket.send({"op": "ack", "seq": frame["seq"]})
        await asyncio.sleep(0.2)

        assert observed("count") == before + 1
        assert 0.3 <= observed("sum") - sum_before < 5


async def test_a_frame_that_nobody_acknowledges_counts_as_late_once(user, ticket, monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.deliveries.ACK_SECONDS", 0.5)
    async with connected(ticket.pk, user, "ack=1") as socket:
        await socket.next_heartbeat()
        before = observed("count")
        await change(ticket)
        frame = await socket.next_event()
        await asyncio.sleep(2.2)
        assert observed("count") == before + 1

        await socket.send({"op": "ack", "seq": frame["seq"]})
        await asyncio.sleep(0.2)
        assert observed("count") == before + 1


async def test_the_head_of_a_quiet_ticket_is_told_at_once(user, ticket):
    await in_database(Ticket.objects.filter(pk=ticket.pk).update)(event_seq=0)
    async with connected(ticket.pk, user) as socket:
        assert await socket.next() == {"type": "heartbeat", "seq": 0}
