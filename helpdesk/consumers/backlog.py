"""What the server still holds for a client that reads too slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

LIMIT_BYTES: Final = 256 * 1024
PATIENCE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02
# The server's own extension of the ASGI scope: a callable that returns how many bytes it holds.
EXTENSION: Final = "helpdesk.backlog"


class Backlog:
    """
    The bytes between a socket's `send`, which never waits, and a client that may not read.

    Where the server does not tell (tests, other servers), nothing is ever held.
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self._held_bytes: Callable[[], int] = scope.get("extensions", {}).get(EXTENSION, _nothing)
        self._empty_at = time.monotonic()

    async def has_room(self) -> bool:
        """Wait while too much is held; return False when the client took too long to read it."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while self._held_bytes() > LIMIT_BYTES:
            if time.monotonic() > ends_at:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def is_stuck(self) -> bool:
        """Tell whether something was held all the time for too long; ask at least every second."""
        now = time.monotonic()
        if self._held_bytes() == 0:
            self._empty_at = now
        return now - self._empty_at > PATIENCE_SECONDS


def _nothing() -> int:
    return 0
