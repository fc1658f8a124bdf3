"""
`firstN` counted across all processes, on the fault's own row.

Only faults that carry `firstN` pay for it, with one statement a hit. A process that has heard
"spent" once never asks again. Without an answer nothing is injected.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg

Connect = Callable[[], "psycopg.Connection[tuple[Any, ...]]"]

_TAKE_ONE = (
    "update chaos_fault set hits = hits + 1"
    " where id = %s and hits < %s and ended_at is null returning hits"
)


class _Claims:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self.spent: set[str] = set()

    def take(self, fault_id: str, limit: int, connect: Connect) -> bool:
        with self.lock:
            if fault_id in self.spent:
                return False
            if self.connection is None or self.connection.closed:
                self.connection = connect()
            if self.connection.execute(_TAKE_ONE, [fault_id, limit]).fetchone():
                return True
            self.spent.add(fault_id)
            return False

    def close(self) -> None:
        with self.lock:
            if self.connection is not None:
                self.connection.close()
            self.connection = None


_claims = _Claims()


def claim(fault_id: str, limit: int, connect: Connect) -> bool:
    """Take one of the first `limit` hits of a fault and tell whether there was one left."""
    try:
        return _claims.take(fault_id, limit, connect)
    except psycopg.Error:
        return False


def close() -> None:
    """Close this process's connection; the next claim opens another."""
    _claims.close()


def _forget_parent() -> None:
    global _claims  # noqa: PLW0603 - the parent's lock and socket are not ours
    _claims = _Claims()


os.register_at_fork(after_in_child=_forget_parent)
