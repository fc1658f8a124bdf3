"""
The hot path: which fault, if any, hits this call.

`ARMED` is an immutable snapshot that the control thread replaces and nobody mutates, so threads
and event loops read it without a lock. A point asks `kernel.ARMED and kernel.pick(...)`: while
nothing is armed that is one global read.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from types import MappingProxyType
from typing import Any, Final

from chaos import draws, sleepers
from chaos.catalog import DEFAULTS

SLICE_SECONDS: Final = 0.1  # how late a sleeping call may notice that its fault was cleared
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault as one process knows it; `deadline` is on this machine's monotonic clock."""

    id: str
    target: str
    mode: str
    deadline: float = math.inf
    metadata: Mapping[str, Any] = _NONE
    # Answers whether one more of the first N hits may be taken, across all processes.
    claim: Callable[[], bool] | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return f"{self.target}/{self.mode}"

    @property
    def percent(self) -> float:
        return float(self.metadata.get("percent", DEFAULTS["percent"]))

    @property
    def retry_after_seconds(self) -> int:
        return int(self.metadata.get("retryAfterSec", DEFAULTS["retryAfterSec"]))

    @property
    def is_total(self) -> bool:
        """Tell whether it hits every call, so open sockets must go as well."""
        return self.percent >= 100 and self.claim is None  # noqa: PLR2004 - percent

    def draw_delay_seconds(self) -> float:
        """Draw how long this call waits, as the metadata's distribution says."""
        return draws.delay_seconds(self.metadata, self._dice())

    def draw_is_hit(self) -> bool:
        """Draw whether this call is one of the `percent` that are hit."""
        return self._dice().random() * 100 < self.percent

    def _dice(self) -> Random:
        return draws.dice(self.id, self.metadata.get("seed"))

    def matches(self, context: Mapping[str, str]) -> bool:
        """Tell whether its metadata lets it hit a call with this context."""
        for key in ("scope", "method", "queue"):
            if key in self.metadata and self.metadata[key] != context.get(key):
                return False
        route = self.metadata.get("route")
        return route is None or _is_route(route, context)


def _is_route(route: str, context: Mapping[str, str]) -> bool:
    """Match a view name, or a path and everything below it; `*` stands for anything."""
    if not route.startswith("/"):
        return fnmatchcase(context.get("view", ""), route)
    path, route = context.get("path", ""), route.rstrip("/")
    return fnmatchcase(path, route) or fnmatchcase(path, f"{route}/*")


ARMED: Mapping[str, tuple[ActiveFault, ...]] = {}
# Dead man's switch: without news from the control thread a snapshot is worth nothing.
VALID_UNTIL: float = math.inf

on_armed: list[Callable[[ActiveFault], None]] = []
on_injected: list[Callable[[ActiveFault], None]] = []

_bypassed: ContextVar[bool] = ContextVar("chaos_bypassed", default=False)
_trace: ContextVar[list[str] | None] = ContextVar("chaos_trace", default=None)
_request: ContextVar[Mapping[str, str]] = ContextVar("chaos_request", default=_NONE)


def arm(faults: Iterable[ActiveFault], *, valid_until: float = math.inf) -> None:
    """Replace the snapshot, oldest fault first, and tell the points what is new in it."""
    global ARMED, VALID_UNTIL  # rebinding is how a snapshot is published
    known = {fault.id for fault in active()}
    snapshot: dict[str, tuple[ActiveFault, ...]] = {}
    for fault in faults:
        snapshot[fault.target] = (*snapshot.get(fault.target, ()), fault)
    VALID_UNTIL, ARMED = valid_until, snapshot
    draws.forget_all_but({fault.id for fault in active()})
    for fault in active():
        if fault.id not in known:
            _tell(on_armed, fault)


def active() -> list[ActiveFault]:
    """Return the faults of the snapshot."""
    return [fault for faults in ARMED.values() for fault in faults]


def pick(
    target: str,
    context: Mapping[str, str] = _NONE,
    *,
    modes: frozenset[str] | None = None,
) -> ActiveFault | None:
    """
    Return the oldest armed fault that hits this call, and count the hit; else None.

    `context` holds what metadata may match (scope, method, path, view, queue); `modes` names what
    the calling point can do.
    """
    now = time.monotonic()
    if _bypassed.get() or now >= VALID_UNTIL:
        return None
    for fault in ARMED.get(target, ()):
        if (
            now < fault.deadline
            and (modes is None or fault.mode in modes)
            and fault.matches(context)
            and fault.draw_is_hit()
            and (fault.claim is None or fault.claim())
        ):
            record(fault)
            return fault
    return None


def record(fault: ActiveFault) -> None:
    """Count one injection and leave its name in the trace of the current request."""
    mark(fault)
    _tell(on_injected, fault)


def mark(fault: ActiveFault) -> None:
    """Leave the name of `fault` in the trace of the current request."""
    trace = _trace.get()
    if trace is not None and fault.name not in trace:
        trace.append(fault.name)


def fault_names() -> tuple[str, ...]:
    """Return the names of the faults that hit the request at hand so far."""
    return tuple(_trace.get() or ())


def _tell(listeners: list[Callable[[ActiveFault], None]], fault: ActiveFault) -> None:
    for listener in listeners:
        listener(fault)


def is_armed(fault: ActiveFault) -> bool:
    """Tell whether `fault` still holds: not cleared, not expired, not orphaned."""
    now = time.monotonic()
    if now >= min(fault.deadline, VALID_UNTIL):
        return False
    return any(armed.id == fault.id for armed in ARMED.get(fault.target, ()))


def sleep(fault: ActiveFault, seconds: float) -> None:
    """Hold the calling thread for `seconds`, but never longer than the fault holds."""
    end = time.monotonic() + seconds
    with sleepers.place() as is_free:
        while is_free and (left := end - time.monotonic()) > 0 and is_armed(fault):
            time.sleep(min(left, SLICE_SECONDS))


async def sleep_async(fault: ActiveFault, seconds: float) -> None:
    """Hold the calling coroutine for `seconds`, but never longer than the fault holds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and is_armed(fault):  # noqa: ASYNC110 - other threads arm
        await asyncio.sleep(min(left, SLICE_SECONDS))


@contextmanager
def bypass() -> Iterator[None]:
    """Exempt everything that runs in this context from every fault."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


def is_bypassed() -> bool:
    """Tell whether what runs in this context is exempt."""
    return _bypassed.get()


@contextmanager
def serving(request: Mapping[str, str]) -> Iterator[None]:
    """Let faults deep inside match the request (method, path, view) that runs in this context."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def current_request() -> Mapping[str, str]:
    """Return what is known of the request that runs in this context; empty outside of one."""
    return _request.get()


@contextmanager
def traced() -> Iterator[list[str]]:
    """Collect the names of the faults that hit what runs in this context."""
    names: list[str] = []
    token = _trace.set(names)
    try:
        yield names
    finally:
        end_trace(token)


def begin_trace() -> Token[list[str] | None]:
    """Collect names as `traced` does, until `end_trace` is given what this returns."""
    return _trace.set([])


def end_trace(token: Token[list[str] | None]) -> None:
    """Collect for whoever did so before again."""
    _trace.reset(token)
