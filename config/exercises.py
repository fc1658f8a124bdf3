"""One real call a target, for `POST /api/v1/dev/chaos/test/{target}`; it raises on failure."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import quote, urlsplit

import httpx
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.utils import timezone

from config.celery import app
from helpdesk import dispatch
from helpdesk.access import Role
from helpdesk.models import Canary, User
from helpdesk.provider.client import Outgoing
from helpdesk.provider.http import get_provider
from helpdesk.services import accounts

_PATIENCE_SECONDS: Final = 4.0


def _raw_cache() -> Any:
    """Return the client below the cache, which fails openly instead of hiding it."""
    return cast("Any", caches["default"]).client


def redis() -> None:
    """Use each of the three clients: cache, channel layer and broker."""
    client = _raw_cache().get_client(write=True)
    client.set("chaos-exercise", "1", ex=5)
    client.get("chaos-exercise")  # a miss is no failure, but `redis/miss` hits only who reads
    layer = get_channel_layer()
    async_to_sync(layer.group_send)("chaos.exercise", {"type": "exercise"})
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
        cast("Any", broker.default_channel).client.ping()


def provider() -> None:
    """
    Send one message to nobody; its callback names no message of ours and is closed as such.

    Past the circuit breaker, because the question is what a call meets right now.
    """
    get_provider().call(
        Outgoing(key=uuid.uuid4(), channel="web", to="chaos@exercise.test", body="exercise")
    )


def postgres() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def latency() -> None:
    """Ask this very server who we are; being told "nobody" is an answer."""
    origin = urlsplit(settings.HELPDESK["PROVIDER_CALLBACK_URL"])
    url = f"{origin.scheme}://{origin.netloc}/api/v1/auth/me"
    response = httpx.get(url, timeout=9.0)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        response.raise_for_status()


def websocket() -> None:
    """Open the inbox as an owner and wait for its first beat, through this process' own sockets."""
    owner = User.objects.filter(role=Role.OWNER, is_active=True).earliest("id")
    ticket = accounts.issue_socket_ticket(user=owner, now=timezone.now())
    async_to_sync(_hear_beat)(f"ticket={quote(ticket)}".encode())


async def _hear_beat(query: bytes) -> None:
    """Be the client of one socket; what it sends first is its beat."""
    from config.asgi import application  # noqa: PLC0415 - this module is imported before it is

    to_server, to_client = asyncio.Queue[dict[str, Any]](), asyncio.Queue[dict[str, Any]]()
    scope = {"type": "websocket", "path": "/ws/v1/inbox", "query_string": query, "headers": []}
    to_server.put_nowait({"type": "websocket.connect"})
    socket = asyncio.create_task(application(scope, to_server.get, to_client.put))
    try:
        for expected in ("websocket.accept", "websocket.send"):
            sent = await asyncio.wait_for(to_client.get(), _PATIENCE_SECONDS)
            if sent["type"] != expected:
                raise ConnectionResetError(f"The socket was closed with {sent.get('code')}.")
    finally:
        to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([socket], timeout=_PATIENCE_SECONDS)
        socket.cancel()


def queue() -> None:
    """Have each queue's worker take a canary, as the sweeper does all the time."""
    asked_at = timezone.now()
    waiting = set(settings.HELPDESK["QUEUES"])
    for name in waiting:
        dispatch.enqueue(dispatch.CANARY, due_at=asked_at, queue=name, canary=name)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while waiting:
        waiting -= set(
            Canary.objects.filter(started_at__gte=asked_at).values_list("queue", flat=True)
        )
        if waiting and time.monotonic() > deadline:
            raise TimeoutError(f"No worker took a job of {', '.join(sorted(waiting))}.")
        time.sleep(0.05)


EXERCISES: Final[dict[str, Callable[[], None]]] = {
    "redis": redis,
    "provider": provider,
    "postgres": postgres,
    "latency": latency,
    "websocket": websocket,
    "queue": queue,
}
