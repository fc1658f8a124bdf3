"""
How much Daphne still holds for a WebSocket client that reads too slowly.

Daphne's `send` never waits: it copies into the transport's buffer, which grows without bound while
the client does not read. Nothing in ASGI tells, so this adds a callable to the scope.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

EXTENSION: Final = "helpdesk.backlog"


class TellBacklog:
    """Adds the extension to the scope of every socket that Daphne serves."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        protocol = next(iter(getattr(send, "args", ())), None)  # Daphne's send is a partial
        if hasattr(protocol, "transport"):
            extensions = {**scope.get("extensions", {}), EXTENSION: partial(held_bytes, protocol)}
            scope = {**scope, "extensions": extensions}
        await self._inner(scope, receive, send)


def held_bytes(protocol: Any) -> int:
    """Return how many bytes the server has taken for the client and the kernel has not."""
    transport = protocol.transport
    if transport is None or not hasattr(transport, "dataBuffer"):
        return 0
    waiting = transport._tempDataLen  # noqa: SLF001 - Twisted has no public word for it
    return int(len(transport.dataBuffer) - transport.offset + waiting)
