"""
A circuit breaker: stop calling what does not answer, and find out with one call when it does.

Source: M. Nygard, "Release It!" (2007), stability patterns. Each process has its own.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from helpdesk import metrics
from helpdesk.provider.client import NotCalled, ProviderError


class State(IntEnum):
    """The numbers that `helpdesk_provider_breaker_state` shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """
    Opens after `failures_to_open` failures in a row and probes after `open_seconds`.

    Only outages count (`ProviderError.is_outage`): a provider that refuses is there. The lock is
    held to decide and to count, never during a call. A call that began in an earlier state tells
    nothing about this one, so its outcome is ignored.
    """

    def __init__(
        self,
        *,
        channel: str,
        failures_to_open: int,
        open_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gauge = metrics.PROVIDER_BREAKER_STATE.labels(channel)
        self._failures_to_open = failures_to_open
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._epoch = 0
        self._failures = 0
        self._probes_at = 0.0
        self._become(State.CLOSED)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """
        Let the call inside the block happen, and learn from how it ends.

        :raises NotCalled: if the circuit is open, or another call is the probe
        """
        epoch = self._enter()
        is_up = False
        try:
            yield
            is_up = True
        except ProviderError as error:
            is_up = not error.is_outage
            raise
        finally:
            self._leave(epoch, is_up=is_up)

    def _enter(self) -> int:
        with self._lock:
            if self.state == State.OPEN and self._clock() >= self._probes_at:
                self._become(State.HALF_OPEN)
            elif self.state != State.CLOSED:
                raise NotCalled(
                    "The provider does not answer; it is called again in a moment.",
                    retry_after_seconds=self._wait_seconds(),
                )
            return self._epoch

    def _wait_seconds(self) -> float:
        """Return the time until the next probe and a random part, so that not all come at once."""
        left = max(0.0, self._probes_at - self._clock())
        return left + random.uniform(0.1, 1.0) * self._open_seconds

    def _leave(self, epoch: int, *, is_up: bool) -> None:
        with self._lock:
            if epoch != self._epoch:
                return
            self._failures = 0 if is_up else self._failures + 1
            if self.state == State.HALF_OPEN:
                self._become(State.CLOSED if is_up else State.OPEN)
            elif self._failures >= self._failures_to_open:
                self._become(State.OPEN)

    def _become(self, state: State) -> None:
        self.state: State = state
        self._epoch += 1
        self._failures = 0
        self._probes_at = self._clock() + (self._open_seconds if state == State.OPEN else 0.0)
        self._gauge.set(state.value)
