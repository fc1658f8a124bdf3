"""
PostgreSQL `down`: connects that are refused and sockets that are cut.

A refused connect is libpq's own, to a port that nobody listens on. At the moment `down` is armed
every open socket is cut, idle or waiting for an answer; afterwards each statement cuts its own.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import Any, Final

import psycopg

from chaos import kernel
from chaos.live import Live

_DOWN: Final = frozenset({"down"})
_NOBODY: Final = {"host": "127.0.0.1", "hostaddr": "127.0.0.1", "port": 1, "connect_timeout": 2}
_live: Final[Live[psycopg.Connection[Any]]] = Live()


def start_control() -> None:
    from chaos import control  # noqa: PLC0415 - settings name this backend before apps are ready

    control.ensure_running()


def nobody_listens(params: dict[str, Any]) -> dict[str, Any]:
    """Return `params`, or those of a port that refuses when the server shall be down."""
    fault = kernel.pick("postgres", kernel.current_request(), modes=_DOWN)
    return {**params, **_NOBODY} if fault else params


def mark_down() -> None:
    """Tell in the response what made the connect fail, which may be a pool's thread's story."""
    for fault in kernel.ARMED.get("postgres", ()):
        if fault.mode in {"down", "pool"} and kernel.is_armed(fault):
            kernel.mark(fault)


def add(connection: Any, *, is_exempt: bool) -> None:
    """Have this connection cut when the server goes down, unless an exempt call holds it."""
    connection.chaos_is_exempt = is_exempt
    _live.add(connection)


@cache
def faulty(connection_class: type) -> type:
    """Return the class that a pool shall open instead of `connection_class`."""
    if issubclass(connection_class, _Faulty):
        return connection_class
    return type(f"Faulty{connection_class.__name__}", (_Faulty, connection_class), {})


class _Faulty:
    """Goes in front of a `psycopg.Connection` class."""

    @classmethod
    def connect(cls, conninfo: str = "", **params: Any) -> Any:
        if kernel.ARMED:
            params = nobody_listens(params)
        connection = super().connect(conninfo, **params)  # type: ignore[misc]  # of the class mixed into
        add(connection, is_exempt=False)
        return connection


def cut(connection: Any) -> bool:
    """
    Shut the socket both ways, which also wakes whoever waits for an answer in another thread.

    On a duplicate, for libpq owns the descriptor; asked twice, for a number may be given to
    another socket between the question and the duplication.
    """
    try:
        number = connection.pgconn.socket
        with socket.socket(fileno=os.dup(number)) as twin:
            if connection.pgconn.socket == number:
                twin.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):  # closed meanwhile, or never open
        return False
    return True


def cut_open_sockets(fault: kernel.ActiveFault) -> None:
    """Cut what is open when `fault` takes PostgreSQL down for every call."""
    is_partial = "route" in fault.metadata or "method" in fault.metadata
    if fault.name != "postgres/down" or not fault.is_total or is_partial:
        return
    for connection in _live.all():
        if not getattr(connection, "chaos_is_exempt", False) and cut(connection):
            kernel.record(fault)


kernel.on_armed.append(cut_open_sockets)
