"""
A worker that could not acknowledge a job leaves its broken connection at once.

kombu logs a failed acknowledgement and goes on counting the job as unacknowledged. When as many
jobs as the worker may hold end while Redis is away, it is "full" for ever: it asks Redis for no
more work, so it never reads the socket that would tell it that the connection is gone. Losing
the connection openly makes Celery's own reconnect start over with a clean count; the rows that
the jobs work on are the truth, so a job that Redis gives out twice does nothing twice.
"""

from __future__ import annotations

from typing import Any, Final, override

from celery import Task
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

_LOST: Final = "a job could not be acknowledged"


class LeavingRequest(Request):
    """A request whose failed acknowledgement or rejection restarts the worker's connection."""

    @override
    def acknowledge(self) -> None:
        super().acknowledge()
        self._look_afterwards()

    @override
    def reject(self, requeue: bool = False) -> None:
        super().reject(requeue=requeue)
        self._look_afterwards()

    def _look_afterwards(self) -> None:
        """Celery leaves both to its event loop's next turn, of which timers are the end."""
        loop = get_event_loop()
        if loop is not None:
            loop.call_later(0, _leave_unless_settled, self.message)


def _leave_unless_settled(message: Any) -> None:
    """Raise in the event loop what it takes for a lost connection; an old one is left already."""
    if not (message.acknowledged or message.channel is None or message.channel.closed):
        raise ConnectionResetError(_LOST)


class LeavingTask(Task):  # type: ignore[type-arg]  # generic for mypy, not at run time
    """The base of every task of this project."""

    Request: Any = LeavingRequest
