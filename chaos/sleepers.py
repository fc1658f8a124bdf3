"""
How many calls of one process faults may hold at the same time.

A sleeping call holds a thread, and often a connection: without a limit a delay would take the
whole server down. Whoever comes when all places are taken is let through undelayed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chaos import conf


class _Places:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.taken = 0

    def take(self, limit: int) -> bool:
        with self.lock:
            is_free = self.taken < limit
            self.taken += is_free
            return is_free

    def give_back(self) -> None:
        with self.lock:
            self.taken -= 1


_places = _Places()


@contextmanager
def place() -> Iterator[bool]:
    """Yield whether one more call may be held, and count it while it is."""
    places = _places
    is_free = places.take(conf.get("MAX_CONCURRENT_SLEEPS"))
    try:
        yield is_free
    finally:
        if is_free:
            places.give_back()


def _forget_parent() -> None:
    global _places  # noqa: PLW0603 - the parent's lock may be held for ever
    _places = _Places()


os.register_at_fork(after_in_child=_forget_parent)
