"""
Faults of a provider: an ASGI wrapper, so a simulated provider itself misbehaves over its socket.

The client under test sees what a bad day of the real provider looks like: real statuses, real
headers, real silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from chaos import control, kernel

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_CHUNK_BYTES: Final = 8
_NOT_JSON: Final = b'{"id": "pm_'


class ProviderFaults:
    """Wraps an ASGI app; `health_path` is never faulted."""

    def __init__(self, app: App, *, health_path: str = "/health") -> None:
        self._app = app
        self._health_path = health_path
        control.ensure_running()  # so the very first request may be hit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        control.ensure_running()
        fault = self._pick(scope)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await _INJECT[fault.mode](_Call(self._app, scope, receive, send, fault))

    def _pick(self, scope: Message) -> kernel.ActiveFault | None:
        if scope["type"] != "http" or scope["path"] == self._health_path:
            return None
        if not kernel.ARMED:
            return None
        return kernel.pick("provider", {"method": scope["method"], "path": scope["path"]})


class _Call:
    """One request that a fault hits."""

    def __init__(
        self, app: App, scope: Message, receive: Receive, send: Send, fault: kernel.ActiveFault
    ) -> None:
        self.app, self.scope, self.receive, self.send = app, scope, receive, send
        self.fault = fault

    async def read_request(self) -> None:
        """Take the body, as a server does before it answers."""
        while (message := await self.receive()).get("more_body"):
            if message["type"] == "http.disconnect":
                return

    async def answer(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        kind = (b"content-type", b"application/json")
        await self.start(status, [kind, (b"content-length", b"%d" % len(body)), *headers])
        await self.send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        mark = (b"x-chaos-fault", self.fault.name.encode())
        await self.send(
            {"type": "http.response.start", "status": status, "headers": [*headers, mark]}
        )

    async def run_app(self) -> tuple[Message, bytes]:
        """Let the real app do the work and keep its answer back."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(self.scope, self.receive, keep)
        return messages[0], b"".join(message.get("body", b"") for message in messages[1:])

    async def stay_silent(self) -> None:
        """Answer nothing until the caller hangs up or the fault is over."""
        hang_up = asyncio.ensure_future(self._wait_for_hang_up())
        over = asyncio.ensure_future(kernel.sleep_async(self.fault, float("inf")))
        _done, pending = await asyncio.wait({hang_up, over}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    async def _wait_for_hang_up(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def _inject_500(call: _Call) -> None:
    await call.read_request()
    await call.answer(500, b'{"error": "internal error"}')


async def _inject_429(call: _Call) -> None:
    await call.read_request()
    retry_after = str(call.fault.retry_after_seconds).encode()
    await call.answer(429, b'{"error": "too many requests"}', (b"retry-after", retry_after))


async def _inject_malformed(call: _Call) -> None:
    await call.read_request()
    await call.answer(202, _NOT_JSON)


async def _inject_timeout(call: _Call) -> None:
    await call.read_request()
    await call.stay_silent()
    await call.answer(504, b'{"error": "gateway timeout"}')


async def _inject_ambiguous(call: _Call) -> None:
    """The app accepts the message, and its answer never arrives."""
    await call.run_app()
    await call.stay_silent()
    await call.answer(504, b'{"error": "gateway timeout"}')


async def _inject_slow(call: _Call) -> None:
    """Wait once, then let the body drip so slowly that it takes as long again."""
    start, body = await call.run_app()
    seconds = call.fault.draw_delay_seconds()
    await kernel.sleep_async(call.fault, seconds)
    await call.start(start["status"], list(start.get("headers", [])))
    chunks = [body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES)]
    for chunk in chunks:
        await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
        await kernel.sleep_async(call.fault, seconds / len(chunks))
    await call.send({"type": "http.response.body", "body": b""})


_INJECT: Final[dict[str, Callable[[_Call], Awaitable[None]]]] = {
    "500": _inject_500,
    "429": _inject_429,
    "malformed": _inject_malformed,
    "timeout": _inject_timeout,
    "ambiguous": _inject_ambiguous,
    "slow": _inject_slow,
}
