"""
What a run leaves in the database, written as it happens and never at the run's expense.

All writes are exempt from faults. When the database does not answer, events wait and are written
later: the report is printed in any case.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection, transaction

from chaos import kernel
from chaos.experiments.clock import Clock
from chaos.experiments.definition import Experiment
from chaos.models import ExperimentEvent, ExperimentRun

logger = logging.getLogger(__name__)
ABANDONED_AFTER_SECONDS: Final = 30
_TRIES: Final = 3
_LOCK: Final = 0x65_78_70_65_72  # "exper": looking and beginning are one step


class AnotherRun(Exception):
    """Another experiment runs; two would explain each other's deviations."""


class Journal:
    """The rows of one run."""

    def __init__(self, experiment: Experiment, *, actor: str, clock: Clock) -> None:
        """:raises AnotherRun: while one runs elsewhere"""
        self._clock = clock
        self._pending: list[ExperimentEvent] = []
        self._began = clock.monotonic()
        now = clock.now()
        with undisturbed(), transaction.atomic():
            _refuse_another(now)
            self.run = ExperimentRun.objects.create(
                name=experiment.name,
                title=experiment.title,
                hypothesis=experiment.hypothesis,
                definition=experiment.as_json(),
                status=ExperimentRun.Status.GATING,
                actor=actor,
                started_at=now,
                seen_at=now,
            )

    def note(self, kind: str, text: str) -> None:
        """Put a line on the timeline."""
        event = ExperimentEvent(
            run=self.run,
            at=self._clock.now(),
            offset_seconds=round(self._clock.monotonic() - self._began, 3),
            kind=kind,
            text=text[:500],
        )
        self._pending.append(event)
        self.breathe()

    def enter(self, status: ExperimentRun.Status) -> None:
        """Note the next state."""
        self.run.status = status
        self.note(ExperimentEvent.Kind.STATE, status.label)

    def breathe(self) -> None:
        """Write what waits, and a sign of life."""
        self._write(self._flush, tries=1)

    def finish(self, **facts: Any) -> None:
        """Write how the run ended."""
        for name, value in facts.items():
            setattr(self.run, name, value)
        self.run.ended_at = self._clock.now()
        self.note(ExperimentEvent.Kind.STATE, f"{self.run.get_status_display()}: {self.run.reason}")
        self._write(lambda: self.run.save(update_fields=[*facts, "ended_at"]), tries=_TRIES)

    def _flush(self) -> None:
        self.run.seen_at = self._clock.now()
        with transaction.atomic():
            self.run.save(update_fields=["status", "seen_at"])
            ExperimentEvent.objects.bulk_create(self._pending)
        self._pending = []

    def _write(self, write: Callable[[], object], *, tries: int) -> None:
        for left in reversed(range(tries)):
            try:
                with undisturbed():
                    write()
            except (DatabaseError, InterfaceError):
                logger.warning("a run could not be written down", exc_info=True)
                if left:
                    self._clock.sleep(1.0)
            else:
                return


@contextmanager
def undisturbed() -> Iterator[None]:
    """Exempt the block from faults, and let go of a connection that one of them has cut."""
    with kernel.bypass():
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        yield


def _refuse_another(now: dt.datetime) -> None:
    """Note the end of runs whose runner died, and refuse while one is alive."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    living = ExperimentRun.objects.filter(status__in=ExperimentRun.LIVING)
    silent_since = now - dt.timedelta(seconds=ABANDONED_AFTER_SECONDS)
    living.filter(seen_at__lt=silent_since).update(
        status=ExperimentRun.Status.INTERRUPTED, reason="Its runner died.", ended_at=now
    )
    other = living.first()
    if other is not None:
        raise AnotherRun(f"{other.name} runs since {other.started_at:%H:%M:%S}.")
