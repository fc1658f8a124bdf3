"""
How every process learns of faults: one daemon thread on a database connection of its own.

The thread listens for `NOTIFY chaos` and asks again each second. It turns `expires_at` into a
deadline on the local monotonic clock, so a fault ends on time whatever happens to the database
afterwards, and a restarted process cannot prolong it; where `STOP_FILE` exists it arms nothing.
Each answer keeps the snapshot valid for three more seconds: when the database goes away, so do the
faults (`kernel.VALID_UNTIL`).

Entry points call `ensure_running()`, which costs nothing once the thread runs. A forked child has
no thread, no snapshot and starts over at its first call.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from functools import partial
from typing import Any, Final

import psycopg
from django.core import mail
from django.db import connections
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from chaos import claims, conf, guard, hits, kernel, lever, services

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
DEAD_MAN_SECONDS: Final = 3.0
CHANNEL: Final = "chaos"
_ACTIVE: Final = """
    select id::text, target, mode, metadata,
           extract(epoch from expires_at - clock_timestamp())::float8
    from chaos_fault where ended_at is null order by created_at, id
"""


def database_url() -> str:
    """Return where the control thread connects: past every Django alias, pool and fault."""
    if url := conf.get("CONTROL_DATABASE_URL"):
        return str(url)
    settings = connections["default"].settings_dict
    names = {
        "NAME": "dbname",
        "USER": "user",
        "PASSWORD": "password",
        "HOST": "host",
        "PORT": "port",
    }
    return make_conninfo(
        **{ours: str(settings[key]) for key, ours in names.items() if settings[key]}
    )


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection that gives up early rather than hang."""
    return psycopg.connect(
        database_url(),
        autocommit=True,
        connect_timeout=2,
        application_name="chaos-control",
        options="-c statement_timeout=1000",
        prepare_threshold=None,
    )


class Control:
    """The thread of one process."""

    def __init__(self) -> None:
        self._is_stopped = threading.Event()
        self._was_reachable = True
        self._thread = threading.Thread(target=self._run, name="chaos-control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, timeout_seconds: float = 5.0) -> None:
        self._is_stopped.set()
        self._thread.join(timeout_seconds)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            try:
                with connect() as connection:
                    connection.execute(f"listen {CHANNEL}")
                    self._watch(connection)
            except psycopg.Error as error:
                self._note_loss(error)
                if lever.is_pulled():
                    kernel.arm([])
                self._is_stopped.wait(POLL_SECONDS / 2)

    def _watch(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        while not self._is_stopped.is_set():
            hits.flush(connection)
            has_due = refresh(connection)
            self._was_reachable = True
            if has_due:
                _note_ends()
            for _notify in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass

    def _note_loss(self, error: psycopg.Error) -> None:
        """Say it once an outage; before the first migration it is no outage but a fact."""
        if self._was_reachable:
            logger.warning("chaos control lost its database", extra={"error": str(error)})
        self._was_reachable = False


def refresh(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Publish what the rows say now, and tell whether some of them are due to be ended."""
    asked_at = time.monotonic()
    rows = connection.execute(_ACTIVE).fetchall() if guard.may_act() else []
    is_stopped = lever.is_pulled()
    kernel.arm(
        [_fault(row, asked_at) for row in rows if row[4] > 0 and not is_stopped],
        valid_until=asked_at + DEAD_MAN_SECONDS,
    )
    return any(row[4] <= 0 or is_stopped for row in rows)


def _fault(row: tuple[Any, ...], asked_at: float) -> kernel.ActiveFault:
    fault_id, target, mode, metadata, remaining_seconds = row
    first_n = metadata.get("firstN")
    return kernel.ActiveFault(
        id=fault_id,
        target=target,
        mode=mode,
        deadline=asked_at + remaining_seconds,
        metadata=metadata,
        claim=partial(claims.claim, fault_id, first_n, connect) if first_n else None,
    )


def _note_ends() -> None:
    """Audit what time or the stop file has ended; of many processes the first one does it."""
    try:
        with kernel.bypass():
            services.expire_due(now=timezone.now())
            if lever.is_pulled():
                services.obey_stop_file(now=timezone.now())
    except Exception:  # the fault is over already; the next poll tries again
        logger.warning("the end of a fault could not be audited yet", exc_info=True)
    finally:
        connections.close_all()


_control: Control | None = None
_starting = threading.Lock()


def ensure_running() -> None:
    """Start this process's control thread unless it runs, or nothing may be injected here."""
    if _control is None or not _control.is_alive:
        _start()


def _start() -> None:
    global _control  # noqa: PLW0603 - one thread a process is the point
    if not guard.may_act() or _is_test_without_control():
        return
    with _starting:
        if _control is not None and _control.is_alive:
            return
        control = Control()
        try:
            control.start()
        except RuntimeError:  # the interpreter is shutting down
            return
        _control = control


def _is_test_without_control() -> bool:
    """Tell whether a test runs (it has `mail.outbox`): a listener would keep its database alive."""
    return hasattr(mail, "outbox") and not conf.get("CONTROL_IN_TESTS")


def stop() -> None:
    """Stop this process's control thread and disarm."""
    global _control  # noqa: PLW0603 - one thread a process is the point
    if _control is not None:
        _control.stop()
    _control = None
    claims.close()
    hits.forget()
    kernel.arm([], valid_until=math.inf)


def _forget_parent() -> None:
    """A child has none of its parent's threads, and must not trust its locks or its snapshot."""
    global _control, _starting
    _control, _starting = None, threading.Lock()
    kernel.arm([], valid_until=math.inf)


os.register_at_fork(after_in_child=_forget_parent)
