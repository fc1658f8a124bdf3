"""Who may open a socket: a ticket once, or a session that comes from our own pages."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from helpdesk.access import Role
from helpdesk.routing import application
from helpdesk.services import accounts
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.sockets import Communicator, Socket, connected, in_database

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = (b"origin", b"http://127.0.0.1:8080")


@pytest.fixture
async def ticket():
    return await in_database(TicketFactory.create)()


async def user_of(role=Role.AGENT, **fields):
    return await in_database(UserFactory.create)(role=role, **fields)


@in_database
def session_cookie(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_watch_by_ticket(ticket, role):
    async with connected(ticket.pk, await user_of(role)) as socket:
        assert await socket.next() == {"type": "heartbeat", "seq": 0}


@pytest.mark.parametrize("query", ["", "ticket=", "ticket=x", "ticket=%00", "after=0"])
async def test_without_credentials_the_socket_is_closed_with_4401(ticket, query):
    async with connected(ticket.pk, None, query) as socket:
        assert await socket.close_code() == 4401


async def test_a_ticket_opens_one_socket_only(ticket):
    issue = in_database(accounts.issue_socket_ticket)
    value = await issue(user=await user_of(), now=timezone.now())

    async with connected(ticket.pk, None, f"ticket={value}") as first:
        assert (await first.next())["type"] == "heartbeat"
    async with connected(ticket.pk, None, f"ticket={value}") as second:
        assert await second.close_code() == 4401


async def test_a_user_whose_role_holds_no_right_is_closed_with_4403(ticket, monkeypatch):
    monkeypatch.setitem(
        __import__("helpdesk.access", fromlist=["ALLOWED"]).ALLOWED, Role.VIEWER, frozenset()
    )
    async with connected(ticket.pk, await user_of(Role.VIEWER)) as socket:
        assert await socket.close_code() == 4403


@pytest.mark.parametrize("ticket_id", [999_999, 10**30])
async def test_a_ticket_that_is_not_there_is_closed_with_4404(db, ticket_id):
    async with connected(ticket_id, await user_of()) as socket:
        assert await socket.close_code() == 4404


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "%C2%B2", "9" * 5000])
async def test_a_position_that_is_no_number_is_closed_with_4400(ticket, after):
    async with connected(ticket.pk, await user_of(), f"after={after}") as socket:
        assert await socket.close_code() == 4400


async def test_an_address_nobody_serves_is_refused():
    socket = Communicator(application, "/ws/v1/nothing", [ORIGIN])

    accepted, code = await socket.connect(timeout=10)

    assert (accepted, code) == (False, 4404)


async def test_a_session_from_our_own_page_may_watch(ticket):
    headers = [ORIGIN, (b"cookie", (await session_cookie(await user_of())).encode())]

    async with connected(ticket.pk, None, headers=headers) as socket:
        assert (await socket.next())["type"] == "heartbeat"


@pytest.mark.parametrize(
    "origin", [b"http://evil.test", b"null", b"", b"http://127.0.0.1.evil.test", None]
)
async def test_a_session_from_elsewhere_is_nobody(ticket, origin):
    headers = [(b"cookie", (await session_cookie(await user_of())).encode())]
    if origin is not None:
        headers.append((b"origin", origin))

    async with connected(ticket.pk, None, headers=headers) as socket:
        assert await socket.close_code() == 4401


async def test_our_origin_without_a_session_is_nobody(ticket):
    async with connected(ticket.pk, None, headers=[ORIGIN]) as socket:
        assert await socket.close_code() == 4401


async def test_a_user_who_loses_access_is_closed_at_the_next_heartbeat(ticket, monkeypatch):
    monkeypatch.setattr("helpdesk.consumers.base.HEARTBEAT_SECONDS", 0.5)
    user = await user_of()
    async with connected(ticket.pk, user) as socket:
        assert (await socket.next())["type"] == "heartbeat"
        user.is_active = False
        await in_database(user.save)()

        assert await _closed_after_heartbeats(socket) == 4403


async def _closed_after_heartbeats(socket: Socket) -> int:
    for _ in range(10):
        message = await socket._channel.receive_output(timeout=10)
        if message["type"] == "websocket.close":
            return int(message["code"])
    return 0
