"""The inbox: every event of every ticket once, in an order that nobody can miss."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from urllib.parse import quote

import pytest
from django.db import connections, transaction
from django.utils import timezone

from helpdesk import events
from helpdesk.access import Role
from helpdesk.models import Event, User
from helpdesk.selectors import events as reads
from helpdesk.services import journal, tickets, users
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.sockets import connected, in_database

pytestmark = pytest.mark.django_db(transaction=True)
INBOX = 0


@pytest.fixture
async def user(transactional_db):
    return await in_database(UserFactory)()


@pytest.fixture
async def ticket(transactional_db):
    return await in_database(TicketFactory)()


@in_database
def change(ticket, times=1):
    for number in range(times):
        tickets.change(
            ticket_id=ticket.pk, changes={"subject": f"S {number}"}, version=None,
            now=timezone.now(),
        )  # fmt: skip


@in_database
def write_unheard(times):
    with transaction.atomic():
        Event.objects.bulk_create(
            Event(type=events.CAMPAIGN_UPDATED, data={}, occurred_at=timezone.now())
            for _ in range(times)
        )


async def take(socket, count):
    return [await socket.next_event() for _ in range(count)]


def after(cursor):
    return f"after={quote(cursor)}"


@pytest.mark.parametrize("role", list(Role))
async def test_the_first_heartbeat_tells_the_head_even_of_an_empty_journal(role, transactional_db):
    user = await in_database(UserFactory)(role=role)
    async with connected(INBOX, user) as socket:
        empty = await socket.next()
    assert empty["type"] == "heartbeat"
    assert await in_database(reads.list_all)(after=empty["cursor"], limit=5) == []

    await change(await in_database(TicketFactory)())
    async with connected(INBOX, user, after(empty["cursor"])) as socket:
        assert (await socket.next_event())["type"] == "ticket.updated"


async def test_without_credentials_the_inbox_is_closed_with_4401(transactional_db):
    async with connected(INBOX, None) as socket:
        assert await socket.close_code() == 4401


@pytest.mark.parametrize("cursor", ["x", "1", "%00", "WzEsMl0", "9" * 5000])
async def test_a_cursor_that_was_not_issued_here_is_closed_with_4400(user, cursor):
    async with connected(INBOX, user, f"after={cursor}") as socket:
        assert await socket.close_code() == 4400


async def test_news_of_every_ticket_and_of_campaigns_come_as_the_rest_twin_tells_them(user):
    one, two = await in_database(TicketFactory.create_batch)(2)
    async with connected(INBOX, user) as socket:
        start = (await socket.next_heartbeat())["cursor"]
        await change(one)
        await change(two, 2)
        await in_database(record_apart)()
        frames = await take(socket, 4)

    assert [(f["ticket"], f["seq"]) for f in frames] == [
        (one.pk, 1), (two.pk, 1), (two.pk, 2), (None, None),
    ]  # fmt: skip
    assert frames[3]["type"] == "campaign.updated"
    assert frames == await in_database(reads.list_all)(after=start, limit=9)


def record_apart():
    with transaction.atomic():
        journal.record_apart(type=events.CAMPAIGN_UPDATED, data={"id": 1}, now=timezone.now())


async def test_what_was_missed_is_replayed_once_and_then_comes_the_news(user, ticket):
    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        await change(ticket)
        seen = (await socket.next_event())["cursor"]
    await change(ticket, 3)

    async with connected(INBOX, user, after(seen)) as socket:
        assert [f["seq"] for f in await take(socket, 3)] == [2, 3, 4]
        await socket.next_heartbeat()
        await change(ticket)
        assert (await socket.next_event())["seq"] == 5
        assert await socket.is_silent()


@contextlib.asynccontextmanager
async def older_transaction(ticket):
    """
    Keep a transaction open during the block that wrote an event of `ticket`.

    Without a ticket it wrote something nobody is rung for.
    """
    is_written, may_commit = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            if ticket is None:
                User.objects.update(name="Somebody")
            else:
                locked = tickets.get_locked(ticket_id=ticket.pk)
                journal.record(ticket=locked, type="ticket.updated", data={}, now=timezone.now())
                locked.save(update_fields=["event_seq"])
            is_written.set()
            may_commit.wait(timeout=20)
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert await asyncio.to_thread(is_written.wait, 10)
    yield
    may_commit.set()
    await asyncio.to_thread(thread.join, 10)


async def test_an_event_behind_a_running_transaction_comes_soon_after_that_ends(user):
    early, late = await in_database(TicketFactory.create_batch)(2)
    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        async with older_transaction(late):
            await change(early)
            assert await socket.is_silent()
        began = asyncio.get_running_loop().time()
        frames = await take(socket, 2)
        elapsed = asyncio.get_running_loop().time() - began

    assert [f["ticket"] for f in frames] == [late.pk, early.pk]
    assert elapsed < 1


async def test_an_event_behind_a_silent_transaction_comes_soon_after_that_ends(user, ticket):
    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        async with older_transaction(None):
            await change(ticket)
            assert await socket.is_silent()
        began = asyncio.get_running_loop().time()
        assert (await socket.next_event())["ticket"] == ticket.pk
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_lost_doorbell_is_made_good_by_the_heartbeat(user, monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.base.HEARTBEAT_SECONDS", 0.5)
    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        await write_unheard(3)
        frames = await take(socket, 3)
        assert (await socket.next_heartbeat())["cursor"] == frames[-1]["cursor"]


async def test_a_gap_of_500_is_replayed_and_a_larger_one_asks_for_a_resync(user, ticket):
    start = await in_database(reads.head_cursor)()
    await write_unheard(500)
    async with connected(INBOX, user, after(start)) as socket:
        cursors = [f["cursor"] for f in await take(socket, 500)]
    assert len(set(cursors)) == 500

    await write_unheard(1)
    async with connected(INBOX, user, after(start)) as socket:
        head = await in_database(reads.head_cursor)()
        assert await socket.next_event() == {"type": "resync", "cursor": head}
        await change(ticket)
        assert (await socket.next_event())["seq"] == 1


async def test_a_burst_of_500_reaches_every_watcher_complete_and_in_order(user, ticket):
    async with connected(INBOX, user) as one, connected(INBOX, user) as two:
        await one.next_heartbeat()
        await two.next_heartbeat()
        await change(ticket, 500)
        seen, also = await take(one, 500), await take(two, 500)
    assert [f["seq"] for f in seen] == list(range(1, 501))
    assert seen == also


async def test_delivery_is_measured_to_the_acknowledged_cursor(user, ticket):
    from helpdesk.tests.test_socket_feed import observed  # noqa: PLC0415

    async with connected(INBOX, user, "ack=1") as socket:
        await socket.next_heartbeat()
        before = observed("count")
        await change(ticket)
        frame = await socket.next_event()
        assert observed("count") == before
        await socket.send({"op": "ack", "cursor": frame["cursor"]})
        await asyncio.sleep(0.3)
        assert observed("count") == before + 1


async def test_a_new_password_closes_the_sockets_of_the_old_one(user):
    @in_database
    def change_password():
        boss = UserFactory.create(role=Role.OWNER)
        users.change(
            user_id=user.pk, actor=boss, changes={"password": "odd-words-77"}, now=timezone.now()
        )

    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        await change_password()
        assert await socket.close_code() == 4401


async def test_a_user_who_loses_access_is_closed_at_once(user):
    owner = await in_database(UserFactory)(role=Role.OWNER)
    deactivate = partial(
        in_database(users.change),
        user_id=user.pk,
        actor=owner,
        changes={"is_active": False},
        now=timezone.now(),
    )

    async with connected(INBOX, user) as socket:
        await socket.next_heartbeat()
        began = asyncio.get_running_loop().time()
        await deactivate()
        assert await socket.close_code() == 4403
        assert asyncio.get_running_loop().time() - began < 3
