"""
PostgreSQL `pool`: every slot of a psycopg pool is held, as by requests that never end.

The pool stops growing at the size it has, for a fault must not use up the server's connections,
and what it holds is taken out. So a request waits in the pool's own queue and fails with the
pool's own timeout. When no such fault holds any more, size and connections are given back, and
whoever waits is served at once.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from chaos import kernel

MODES: Final = frozenset({"pool"})
_AT_ONCE_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 2.0
Pool = ConnectionPool[Any]


class _Held:
    """Which pools this process holds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pools: set[Pool] = set()


_held = _Held()


def _forget_parent() -> None:
    global _held  # noqa: PLW0603 - a child has none of its parent's threads and locks
    _held = _Held()


os.register_at_fork(after_in_child=_forget_parent)


def is_armed() -> bool:
    """Tell whether a fault wants slots to be held."""
    faults = kernel.ARMED.get("postgres", ())
    return any(fault.mode in MODES and kernel.is_armed(fault) for fault in faults)


def hold(pool: Pool) -> None:
    """Take every slot of `pool` until no such fault holds, unless that is done already."""
    with _held.lock:
        if pool in _held.pools:
            return
        _held.pools.add(pool)
    is_dry = threading.Event()
    threading.Thread(
        target=_keep, args=[_held, pool, is_dry], name="chaos-slots", daemon=True
    ).start()
    is_dry.wait(2 * _PATIENCE_SECONDS)


def _keep(held: _Held, pool: Pool, is_dry: threading.Event) -> None:
    """Take what is there, then what comes back, and in the end give everything back."""
    size, taken = (pool.min_size, pool.max_size), list[Any]()
    try:
        is_new = pool.closed
        pool.open()
        pool.resize(pool.min_size, max(pool.get_stats()["pool_size"], pool.min_size, 1))
        if is_new:  # its first connections are still on their way
            _take_one(pool, taken, _PATIENCE_SECONDS)
        while len(taken) < pool.max_size and _take_one(pool, taken, _AT_ONCE_SECONDS):
            pass
        is_dry.set()
        while is_armed() and not pool.closed:
            _take_one(pool, taken, kernel.SLICE_SECONDS)
    except psycopg.OperationalError:  # closed meanwhile: nothing left to hold
        pass
    finally:
        with held.lock:  # as one step: who holds next must find the real size
            pool.resize(*size)
            held.pools.discard(pool)
        is_dry.set()
        for connection in taken:
            pool.putconn(connection)


def _take_one(pool: Pool, taken: list[Any], seconds: float) -> bool:
    """Take a slot that is free within `seconds`, and tell whether there was one."""
    if len(taken) >= pool.max_size:
        time.sleep(seconds)
        return False
    with suppress(PoolTimeout):
        taken.append(pool.getconn(timeout=seconds))
        return True
    return False
