"""
Faults of single statements, raised by the server itself on the statement's own connection.

So psycopg maps a real SQLSTATE, a transaction really is aborted, and `statement_timeout` counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from chaos import kernel, sleepers
from chaos.points.postgres import sockets

_SLOW: Final = frozenset({"slow"})
_FAILING: Final = frozenset({"500", "down", "deadlock", "readonly"})
_LIMIT: Final = "select extract(epoch from current_setting('statement_timeout')::interval)::float8"


@cache
def faulty(cursor_class: type) -> type:
    """Return the cursor class to use instead of `cursor_class`."""
    return type(f"Faulty{cursor_class.__name__}", (_Faulty, cursor_class), {})


class _Faulty:
    """Goes in front of a `psycopg.Cursor` class."""

    connection: Any

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        if not (kernel.ARMED and query):  # an empty one is a pool's question whether we are alive
            return super().execute(query, *args, **kwargs)  # type: ignore[misc]
        with _fault(self.connection):
            return super().execute(query, *args, **kwargs)  # type: ignore[misc]

    def executemany(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        if not kernel.ARMED:
            return super().executemany(query, *args, **kwargs)  # type: ignore[misc]
        with _fault(self.connection):
            return super().executemany(query, *args, **kwargs)  # type: ignore[misc]


@contextmanager
def _fault(connection: Any) -> Iterator[None]:
    """Surround one statement with what it meets: a delay first, then one failure."""
    if connection.info.transaction_status == TransactionStatus.INERROR:
        yield  # the server refuses it anyway, or it is the way back
        return
    request = kernel.current_request()
    if slow := kernel.pick("postgres", request, modes=_SLOW):
        _sleep(connection, slow)
    if failing := kernel.pick("postgres", request, modes=_FAILING):
        with _FAILURES[failing.mode](connection):
            yield
    else:
        yield


def _raw(connection: Any) -> psycopg.ClientCursor[tuple[Any, ...]]:
    """Return a cursor that meets no fault and is no statement of the application's."""
    return psycopg.ClientCursor(connection, row_factory=tuple_row)


def _raise(connection: Any, sqlstate: str, message: str) -> None:
    _raw(connection).execute(
        f"do $$ begin raise exception '{message}' using errcode = '{sqlstate}'; end $$"
    )


def _sleep(connection: Any, fault: kernel.ActiveFault) -> None:
    """
    Let the server sleep, in slices so that the sleeper wakes when the fault is cleared.

    No slice alone would meet `statement_timeout`, so their sum is held against it.
    """
    with sleepers.place() as is_free:
        if not is_free:
            return
        cursor = _raw(connection)
        (limit,) = cursor.execute(_LIMIT).fetchone() or (0,)
        seconds = fault.draw_delay_seconds()
        is_too_long = 0 < limit < seconds
        end = time.monotonic() + (limit if is_too_long else seconds)
        while (left := end - time.monotonic()) > 0 and kernel.is_armed(fault):
            cursor.execute("select pg_sleep(%s)", [min(left, kernel.SLICE_SECONDS)])
    if is_too_long and kernel.is_armed(fault):
        _raise(connection, "57014", "canceling statement due to statement timeout")


@contextmanager
def _broken_disk(connection: Any) -> Iterator[None]:
    _raise(connection, "58P01", "could not open file: No such file or directory")
    yield


@contextmanager
def _deadlock(connection: Any) -> Iterator[None]:
    _raise(connection, "40P01", "deadlock detected")
    yield


@contextmanager
def _cut(connection: Any) -> Iterator[None]:
    sockets.cut(connection)
    yield


@contextmanager
def _read_only(connection: Any) -> Iterator[None]:
    """Make the transaction, or the one that the statement is, read only: the server refuses."""
    cursor = _raw(connection)
    is_alone = connection.autocommit and (
        connection.info.transaction_status == TransactionStatus.IDLE
    )
    if not is_alone:
        cursor.execute("set transaction read only")
        yield
        return
    cursor.execute("set default_transaction_read_only = on")
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # lost meanwhile, and the setting with it
            cursor.execute("reset default_transaction_read_only")


_FAILURES: Final[dict[str, Callable[[Any], Any]]] = {
    "500": _broken_disk,
    "deadlock": _deadlock,
    "down": _cut,
    "readonly": _read_only,
}
