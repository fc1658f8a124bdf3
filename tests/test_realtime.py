"""Sockets of a real Daphne: bursts, a Redis that forgets or dies, a client that never reads."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any
from urllib.parse import quote

import pytest
import redis as redis_client
from channels.layers import channel_layers
from django.db import connection
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from config.embedded import folders
from helpdesk.models import Event
from helpdesk.selectors import events as journal
from helpdesk.services import accounts, tickets
from helpdesk.tests.factories import TicketFactory, UserFactory
from tests.test_survives_faults import ForgetfulRedis

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def redis(settings):
    """Give the servers and this process a Redis of their own, which a test may kill."""
    server = ForgetfulRedis()
    server.start()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [{"address": f"{server.url}/2", "socket_connect_timeout": 0.5}],
                "prefix": "steadydesk",
            },
        }
    }
    channel_layers.backends.clear()
    yield server
    channel_layers.backends.clear()
    server.kill()


class Web:
    """One Daphne process with the test's own database."""

    def __init__(self, redis_url, log):
        self.port = folders.free_port()
        database = connection.settings_dict
        url = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "-p", str(self.port), "config.asgi:application"],
            env={**os.environ, "DATABASE_URL": f"{url}/{database['NAME']}", "REDIS_URL": redis_url},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def web(transactional_db, redis, tmp_path):
    server = Web(redis.url, tmp_path / "daphne.log")
    server.wait()
    yield server
    server.stop()


@pytest.fixture
def user(transactional_db):
    return UserFactory.create()


@pytest.fixture
def ticket(transactional_db):
    return TicketFactory.create()


def address(web, user, path):
    ticket = accounts.issue_socket_ticket(user=user, now=timezone.now())
    joint = "&" if "?" in path else "?"
    return f"ws://127.0.0.1:{web.port}/ws/v1/{path}{joint}ticket={quote(ticket)}"


def change(ticket, times=1):
    for number in range(times):
        tickets.change(
            ticket_id=ticket.pk,
            changes={"subject": f"S {number}"},
            version=None,
            now=timezone.now(),
        )


def take(feed, count, *, within_seconds=30.0):
    """Return the next `count` events, heartbeats apart."""
    frames: list[dict[str, Any]] = []
    ends_at = time.monotonic() + within_seconds
    while len(frames) < count:
        frame = json.loads(feed.recv(timeout=max(0.0, ends_at - time.monotonic())))
        if frame["type"] != "heartbeat":
            frames.append(frame)
    return frames


def seqs(frames):
    return [frame["seq"] for frame in frames]


def test_a_burst_of_500_arrives_complete_and_in_order(web, user, ticket):
    with (
        connect(address(web, user, f"tickets/{ticket.pk}")) as feed,
        connect(address(web, user, "inbox")) as inbox,
    ):
        feed.recv(timeout=10)
        inbox.recv(timeout=10)
        change(ticket, 500)
        assert seqs(take(feed, 500)) == list(range(1, 501))
        assert seqs(take(inbox, 500)) == list(range(1, 501))


def test_an_idle_socket_hears_the_next_event_after_redis_forgot_everything(
    web, user, ticket, redis
):
    with connect(address(web, user, f"tickets/{ticket.pk}")) as feed:
        feed.recv(timeout=10)
        redis_client.Redis.from_url(redis.url).flushall()
        change(ticket)
        assert seqs(take(feed, 1, within_seconds=2)) == [1]


@pytest.mark.parametrize("place", ["ticket", "inbox"])
def test_no_event_is_lost_when_redis_dies_and_returns_under_a_socket(
    web, user, ticket, redis, place
):
    path = f"tickets/{ticket.pk}" if place == "ticket" else "inbox"
    with connect(address(web, user, path)) as feed:
        feed.recv(timeout=10)
        change(ticket)
        redis.kill()
        change(ticket, 3)
        assert seqs(take(feed, 4, within_seconds=15)) == [1, 2, 3, 4]
        redis.start()
        time.sleep(2)
        change(ticket, 2)
        assert seqs(take(feed, 2, within_seconds=15)) == [5, 6]


class Deaf:
    """A WebSocket client that opens, and then reads nothing until it is told to."""

    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, port = host.split(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(30)
        self.socket.connect((name, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def everything(self):
        """Return all bytes up to the end of the connection, however it ends."""
        read = b""
        try:
            while chunk := self.socket.recv(65536):
                read += chunk
        except ConnectionResetError:
            pass
        return read


def write_large(ticket, times):
    """Write events of 20 kB each whose doorbells are lost."""
    Event.objects.bulk_create(
        Event(
            ticket=ticket,
            seq=ticket.event_seq + number,
            type="ticket.updated",
            data={"n": ticket.event_seq + number, "filler": "x" * 20_000},
            occurred_at=timezone.now(),
        )
        for number in range(1, times + 1)
    )
    ticket.event_seq += times
    ticket.save(update_fields=["event_seq"])


def test_a_client_that_does_not_read_is_closed_and_misses_nothing_when_it_returns(
    web, user, ticket
):
    deaf = Deaf(address(web, user, f"tickets/{ticket.pk}"))
    time.sleep(1)
    write_large(ticket, 490)
    change(ticket)
    time.sleep(14)  # the server's patience, and a second for the close
    raw = deaf.everything()
    got = [number for number in range(1, 492) if f'"n":{number},'.encode() in raw]
    assert got == list(range(1, len(got) + 1))
    assert 0 < len(got) < 400

    last = len(got)
    with connect(address(web, user, f"tickets/{ticket.pk}?after={last}")) as feed:
        assert seqs(take(feed, 491 - last)) == list(range(last + 1, 492))


def test_a_healthy_client_gets_a_large_replay_whole(web, user, ticket):
    write_large(ticket, 490)
    with connect(address(web, user, f"tickets/{ticket.pk}?after=0")) as feed:
        assert seqs(take(feed, 490)) == list(range(1, 491))


def test_a_reading_client_that_never_acknowledges_is_told_4408(web, user):
    start = quote(journal.head_cursor())
    with connect(address(web, user, f"inbox?ack=1&after={start}")) as inbox:
        inbox.recv(timeout=10)
        Event.objects.bulk_create(
            Event(type="campaign.updated", data={}, occurred_at=timezone.now()) for _ in range(1200)
        )
        change(TicketFactory.create())
        with pytest.raises(ConnectionClosed) as closed:
            take(inbox, 1200)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408
