"""
Faults of Celery: tasks that fail, workers that die, queues that nobody consumes.

`TaskFaults` is mixed into the app's task class (`Celery(task_cls=...)`), because Celery swallows
what a signal handler raises. `QueueStalls` is a step of the consumer that a worker gets by itself.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from typing import Any, Final

from celery import bootsteps

from chaos import control, kernel

_IN_TASK: Final = frozenset({"errors", "kill"})
_STALL: Final = frozenset({"stall"})
_LOOK_SECONDS: Final = 0.25


class InjectedTaskError(Exception):
    """A fault let this task fail before it began."""


class TaskFaults:
    """Goes in front of a `celery.Task` class."""

    name: str
    request: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        control.ensure_running()
        if kernel.ARMED:
            self._meet_fault()
        return super().__call__(*args, **kwargs)  # type: ignore[misc]  # of the class mixed into

    def _meet_fault(self) -> None:
        where = self.request.delivery_info or {}
        queue = str(where.get("routing_key") or "")
        fault = kernel.pick("queue", {"queue": queue}, modes=_IN_TASK)
        if fault is None:
            return
        if fault.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InjectedTaskError(f"{self.name} failed by {fault.name}")


class QueueStalls(bootsteps.StartStopStep):
    """
    Stops consuming stalled queues and starts again, in the consumer's own event loop.

    Needs no broker command: a stall ends by the fault's own clock.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._stalled: set[str] = set()
        self._asked: defaultdict[str, set[str]] = defaultdict(set)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """Begin to look, at the start and after each reconnect."""
        self._timer = consumer.timer.call_repeatedly(_LOOK_SECONDS, self._look, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _look(self, consumer: Any) -> None:
        stalls = [fault for fault in kernel.active() if _is_stall(fault)]
        for queue in list(consumer.task_consumer.queues):
            if self._is_hit(queue.name, stalls):
                consumer.cancel_task_queue(queue.name)
                self._stalled.add(queue.name)
        for name in list(self._stalled):
            if not any(fault.matches({"queue": name}) for fault in stalls):
                consumer.add_task_queue(name)
                self._stalled.discard(name)

    def _is_hit(self, name: str, stalls: list[kernel.ActiveFault]) -> bool:
        """Ask once about each fault: `percent` is the share of workers, not of looks."""
        news = {fault.id for fault in stalls if fault.matches({"queue": name})} - self._asked[name]
        self._asked[name] |= news
        return bool(news and kernel.pick("queue", {"queue": name}, modes=_STALL))


def _is_stall(fault: kernel.ActiveFault) -> bool:
    return fault.target == "queue" and fault.mode in _STALL and kernel.is_armed(fault)


def install(app: Any) -> None:
    """Give the consumers of this app's workers the step."""
    app.steps["consumer"].add(QueueStalls)
