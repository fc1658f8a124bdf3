"""A WebSocket client for tests, over the product's own routes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.utils import timezone

from helpdesk.models import User
from helpdesk.routing import application
from helpdesk.services import accounts

type Header = tuple[bytes, bytes]


def in_database(work: Any) -> Any:
    """Return `work` as a coroutine function that runs in a thread and gives its connection back."""
    return database_sync_to_async(work, thread_sensitive=False)


class Communicator(WebsocketCommunicator):  # type: ignore[misc]  # channels has no types
    """Channels' own, without its mock that keeps database connections of threads open."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output


class Socket:
    """One connection; `frames` are the events it was sent, heartbeats apart."""

    def __init__(self, path: str, headers: list[Header]) -> None:
        self._channel = Communicator(application, path, headers)
        self.scope: dict[str, Any] = self._channel.scope

    async def open(self) -> bool:
        accepted, _ = await self._channel.connect(timeout=10)
        return bool(accepted)

    async def close(self) -> None:
        await self._channel.disconnect(timeout=10)

    async def close_code(self) -> int:
        """Return the code with which the server closes this socket."""
        message = await self._channel.receive_output(timeout=10)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def next(self, *, timeout: float = 10) -> dict[str, Any]:  # noqa: ASYNC109 - handed on
        frame: dict[str, Any] = json.loads(await self._channel.receive_from(timeout=timeout))
        return frame

    async def next_event(self) -> dict[str, Any]:
        while (frame := await self.next())["type"] == "heartbeat":
            continue
        return frame

    async def next_heartbeat(self) -> dict[str, Any]:
        while (frame := await self.next(timeout=20))["type"] != "heartbeat":
            continue
        return frame

    async def is_silent(self) -> bool:
        """Tell whether no event comes for 0.3 s; heartbeats may."""
        while not await self._channel.receive_nothing(timeout=0.3):
            if (await self.next())["type"] != "heartbeat":
                return False
        return True

    async def send(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        await self._channel.send_to(text_data=text)


@asynccontextmanager
async def connected(
    ticket_id: int,
    user: User | None,
    query: str = "",
    headers: Sequence[Header] = (),
    extensions: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[Socket]:
    """
    Open a socket of `user` by a fresh ticket, and close it after the block.

    `ticket_id` 0 is the inbox; `extensions` are what the server adds to the scope.
    """
    if user is not None:
        issue = in_database(accounts.issue_socket_ticket)
        query = f"ticket={await issue(user=user, now=timezone.now())}&{query}"
    place = f"tickets/{ticket_id}" if ticket_id else "inbox"
    socket = Socket(f"/ws/v1/{place}?{query}", list(headers))
    socket.scope["extensions"] = dict(extensions)
    assert await socket.open()
    try:
        yield socket
    finally:
        await socket.close()
