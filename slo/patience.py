"""A scrape waits for a database only so long, and then leaves it alone for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class Patience:
    """
    Remembers that asking took too long, for whoever would ask next.

    Prometheus drops a scrape that takes longer than its timeout, and with it every count that needs
    no database. So once one question took more than `wait_seconds`, none is asked for
    `rest_seconds`.
    """

    def __init__(self, *, wait_seconds: float = 1.0, rest_seconds: float = 10.0) -> None:
        self._wait_seconds = wait_seconds
        self._rest_seconds = rest_seconds
        self._resting_until_seconds = float("-inf")

    def is_lost(self) -> bool:
        """Return whether nothing should be asked now."""
        return time.monotonic() < self._resting_until_seconds

    def lose(self) -> None:
        """Ask nothing for a while."""
        self._resting_until_seconds = time.monotonic() + self._rest_seconds

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Time the question in the block, however it ends."""
        started_seconds = time.monotonic()
        try:
            yield
        finally:
            if time.monotonic() - started_seconds > self._wait_seconds:
                self.lose()


DATABASE: Final = Patience()
