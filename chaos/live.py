"""What a process holds open, to be cut at the moment a fault is armed."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class Live[T]:
    """
    Open things of this process; whatever is collected leaves by itself.

    A child shares its parent's sockets: to shut one down would cut the parent off, so a child
    starts empty (and with a lock that nobody holds).
    """

    def __init__(self) -> None:
        self._start_empty()
        os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._items: WeakSet[T] = WeakSet()

    def add(self, item: T) -> None:
        with self._lock:
            self._items.add(item)

    def all(self) -> list[T]:
        with self._lock:
            return list(self._items)
