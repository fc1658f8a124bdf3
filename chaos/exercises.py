"""
One real call to a target, made as a user's request would make it: not exempt from faults.

A project names its calls in `settings.CHAOS["EXERCISES"]`, a dotted path to a dict of target to
callable. The callable makes one call and raises on failure; where the call is HTTP it may return
the `X-Chaos-Fault` header that it saw.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connections
from django.utils import timezone
from django.utils.module_loading import import_string

from chaos import catalog, conf, control, kernel, selectors

CAP_SECONDS: Final = 10.0
_PROPAGATION_SECONDS: Final = 1.0
_ROUND_TRIP_SECONDS: Final = 0.1  # how long the news may need to other processes of the machine


@dataclass(slots=True)
class Outcome:
    """What one call met."""

    target: str
    active: bool = False
    affected: bool = False
    error: str | None = None
    latency_ms: float | None = None


@dataclass(slots=True)
class _Call:
    """One call in its own thread, in a fresh context: neither exempt nor anybody's request."""

    exercise: Callable[[], object]
    fault_names: list[str]
    error: str | None = None

    def run(self) -> None:
        try:
            with kernel.traced() as names:
                self.fault_names = names
                seen = self.exercise()
            if isinstance(seen, str) and seen:
                names.append(seen)
        except Exception as error:  # noqa: BLE001 - whatever a fault makes the client raise is the answer
            self.error = f"{type(error).__name__}: {error}"
        finally:
            with kernel.bypass():
                connections.close_all()


def run(*, target: str) -> Outcome:
    """
    Exercise `target` once and tell what came of it, within ten seconds.

    :raises UnknownTarget: when the catalogue has no such target
    """
    catalog.modes_of(target)
    exercise = _exercise_of(target)
    active = selectors.active_fault_ids(now=timezone.now(), target=target)
    if exercise is None:
        return Outcome(target, bool(active), error=f"No exercise is configured for {target}.")
    _wait_until_known(target, active)
    return _time(target, _Call(exercise, []), is_active=bool(active))


def _exercise_of(target: str) -> Callable[[], object] | None:
    path = conf.get("EXERCISES")
    exercises: dict[str, Callable[[], object]] = import_string(path) if path else {}
    return exercises.get(target)


def _wait_until_known(target: str, active: set[UUID]) -> None:
    """Give a fault that was armed or cleared a moment ago the time to reach the processes."""
    control.ensure_running()
    end = time.monotonic() + _PROPAGATION_SECONDS
    wanted = {str(fault_id) for fault_id in active}
    while {fault.id for fault in kernel.ARMED.get(target, ())} != wanted:
        if time.monotonic() > end:
            return
        time.sleep(0.01)
    time.sleep(_ROUND_TRIP_SECONDS)


def _time(target: str, call: _Call, *, is_active: bool) -> Outcome:
    thread = threading.Thread(
        target=contextvars.Context().run, args=[call.run], name="chaos-exercise", daemon=True
    )
    started = time.perf_counter()
    thread.start()
    thread.join(CAP_SECONDS)
    seconds = time.perf_counter() - started
    error = f"No answer within {CAP_SECONDS:.0f} s." if thread.is_alive() else call.error
    was_hit = bool(call.fault_names or error) or seconds >= _shortest_delay_seconds(target)
    return Outcome(target, is_active, is_active and was_hit, error, round(seconds * 1000, 1))


def _shortest_delay_seconds(target: str) -> float:
    """Return what a slowed call takes at least, where the delay happens in another process."""
    delays: list[Any] = [
        fault.metadata.get("delayMs", catalog.DEFAULTS["delayMs"])
        - fault.metadata.get("jitterMs", 0)
        for fault in kernel.ARMED.get(target, ())
        if fault.mode == "slow"
    ]
    return max(0.05, min(delays) / 1000) if delays else float("inf")
