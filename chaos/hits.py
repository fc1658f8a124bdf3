"""
How often each fault hit, counted here and added to its row by the control thread.

A fault with `firstN` counts on its row already (`chaos.claims`). A killed process takes at most
a second of its count with it.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

import psycopg

from chaos.kernel import ActiveFault

_ADD = "update chaos_fault set hits = hits + %s where id::text = %s"


class _Hits:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_fault: Counter[str] = Counter()

    def add(self, fault_id: str, amount: int) -> None:
        with self.lock:
            self.by_fault[fault_id] += amount

    def take(self) -> Counter[str]:
        with self.lock:
            taken, self.by_fault = self.by_fault, Counter()
        return taken


_hits = _Hits()


def count(fault: ActiveFault) -> None:
    """Note one hit of a fault whose row does not count for itself."""
    if fault.claim is None:
        _hits.add(fault.id, 1)


def flush(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Add what was counted since the last time to the rows; what fails is tried again."""
    if not _hits.by_fault:
        return
    left = _hits.take()
    try:
        for fault_id in list(left):
            connection.execute(_ADD, [left[fault_id], fault_id])
            del left[fault_id]
    finally:
        for fault_id, amount in left.items():
            _hits.add(fault_id, amount)


def forget() -> None:
    """Drop what was not added yet."""
    _hits.take()


def _forget_parent() -> None:
    global _hits  # noqa: PLW0603 - the parent's lock and counts are not ours
    _hits = _Hits()


os.register_at_fork(after_in_child=_forget_parent)
