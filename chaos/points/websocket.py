"""
Faults of WebSockets: an ASGI wrapper around the sockets' application.

`drop` closes what is open when it is armed, and every later socket at its next frame; `mute` loses
frames on their way to the client, and the client cannot tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from chaos import control, kernel
from chaos.live import Live

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]  # of any ASGI framework

# A code for applications, which every server passes on (Daphne makes 1011 of 1012 and 1013), and
# none by which a client should think that it was refused.
DROPPED: Final = 4900


class SocketFaults:
    """Wraps the ASGI app behind a project's `websocket` protocol."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        control.ensure_running()
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        socket = _Socket(str(scope.get("path", "")), send)
        await self._app(scope, receive, socket.send)
        socket.is_open = False


class _Socket:
    """One socket, as its application writes to it."""

    def __init__(self, path: str, send: Send) -> None:
        self._request, self._send = {"path": path}, send
        self._loop = asyncio.get_running_loop()
        self.is_open = self._was_dropped = False
        self._dropping: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        if self._was_dropped:  # the application has not heard of it yet
            return
        fault = self._pick(message) if kernel.ARMED else None
        if fault is None:
            await self._pass_on(message)
        elif fault.mode == "drop":
            await self.drop()

    def _pick(self, message: Message) -> kernel.ActiveFault | None:
        if message["type"] != "websocket.send" or not self.is_open:
            return None
        return kernel.pick("websocket", self._request)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.is_open = True
            _live.add(self)
        elif message["type"] == "websocket.close":
            self.is_open = False
        await self._send(message)

    async def drop(self) -> None:
        """Close as a server does that goes down; what the application still sends is lost."""
        if self.is_open:
            self._was_dropped = True
            await self._pass_on({"type": "websocket.close", "code": DROPPED})

    def drop_soon(self) -> bool:
        """Have the socket's own loop drop it, from any thread; tell whether that can be."""
        with suppress(RuntimeError):  # the loop is closed, and the socket with it
            self._loop.call_soon_threadsafe(self._begin_drop)
            return True
        return False

    def _begin_drop(self) -> None:
        self._dropping = self._loop.create_task(self.drop())

    def matches(self, fault: kernel.ActiveFault) -> bool:
        return fault.matches(self._request)


_live: Final[Live[_Socket]] = Live()


def drop_open_sockets(fault: kernel.ActiveFault) -> None:
    """Drop what is open when `fault` drops every socket."""
    if fault.name != "websocket/drop" or not fault.is_total:
        return
    for socket in _live.all():
        if socket.is_open and socket.matches(fault) and socket.drop_soon():
            kernel.record(fault)


kernel.on_armed.append(drop_open_sockets)
