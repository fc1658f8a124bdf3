"""
The one place that puts work on a queue or rings a socket's doorbell.

Both act after commit and neither can fail or hold up a request: the rows are the truth, Redis is
a doorbell. A job that was not heard is rung again by `services.recovery`; a socket that missed
its doorbell catches up by `seq`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Final

from celery import current_app
from channels.layers import get_channel_layer
from django.db import transaction
from kombu.exceptions import OperationalError

from helpdesk import events, trace

DELIVER_MESSAGE: Final = "helpdesk.deliver_message"
DELIVER_WEBHOOK: Final = "helpdesk.deliver_webhook"
RECEIVE_PROVIDER_EVENT: Final = "helpdesk.receive_provider_event"
DISPATCH_CAMPAIGNS: Final = "helpdesk.dispatch_campaigns"
CANARY: Final = "helpdesk.canary"
ROLL_UP_DAYS: Final = "helpdesk.roll_up_days"
CLOSE_RESOLVED: Final = "helpdesk.close_resolved"

logger = logging.getLogger(__name__)


class _Hush:
    """After a failed publish, publish nothing for a while: the sweeper delivers meanwhile."""

    SECONDS: Final = 5.0

    def __init__(self) -> None:
        self.until = 0.0

    def is_on(self) -> bool:
        return time.monotonic() < self.until

    def begin(self) -> None:
        self.until = time.monotonic() + self.SECONDS


_hush = _Hush()


def enqueue(task_name: str, *, due_at: datetime, queue: str | None = None, **kwargs: Any) -> bool:
    """
    Put a job on its queue now; return whether the broker took it.

    `due_at` is when the job should start, and travels in the message's header of that name
    (seconds since the epoch): the queue-lag indicator is measured from it.
    """
    if _hush.is_on():
        return False
    headers = {
        "due_at": due_at.timestamp(),
        "trace_id": trace.current_id(),
        "traceparent": trace.traceparent(),
    }
    try:
        current_app.send_task(
            task_name, kwargs=kwargs, headers=headers, queue=queue, ignore_result=True
        )
    except (OperationalError, OSError) as error:
        _hush.begin()
        logger.warning("broker did not take %s (the sweeper will ring again): %s", task_name, error)
        return False
    return True


def enqueue_on_commit(task_name: str, *, due_at: datetime, **kwargs: Any) -> None:
    """Put a job on its queue once the current transaction has committed."""
    transaction.on_commit(partial(enqueue, task_name, due_at=due_at, **kwargs), robust=True)


def announce_on_commit(group: str, frame: events.Frame) -> None:
    """Ring the sockets of `group` once the current transaction has committed."""
    bell: events.Doorbell = {
        "type": "doorbell",
        "frame": frame,
        "traceparent": trace.traceparent(),
    }
    transaction.on_commit(partial(_ring, group, bell), robust=True)


def ring_inbox_on_commit(place: tuple[int, int]) -> None:
    """Tell the inbox's sockets, after commit, up to where there is something to read."""
    bell: events.Doorbell = {"type": "doorbell", "place": place}
    transaction.on_commit(partial(_ring, events.INBOX_GROUP, bell), robust=True)


def recheck_access_on_commit(*, user_id: int) -> None:
    """Make every socket of the user look, after commit, whether it may stay open."""
    bell: events.Doorbell = {"type": "recheck"}
    transaction.on_commit(partial(_ring, events.user_group(user_id), bell), robust=True)


def ring_typing(frame: events.TypingFrame, *, sender: str) -> None:
    """Show the ticket's sockets, but for the one on channel `sender`, that somebody types."""
    bell: events.TypingBell = {"type": "typing", "frame": frame, "sender": sender}
    _ring(events.ticket_group(frame["ticket"]), bell)


def _ring(group: str, doorbell: events.Doorbell | events.TypingBell) -> None:
    layer = get_channel_layer()
    if layer is not None:
        _bells.submit(layer.group_send(group, doorbell))


class _Bells:
    """An event loop in a thread of its own, so that no request ever waits for the channel layer."""

    def __init__(self) -> None:
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def submit(self, ring: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(self._bounded(ring), self._running_loop())

    async def _bounded(self, ring: Coroutine[Any, Any, None]) -> None:
        try:
            await asyncio.wait_for(ring, timeout=2)
        except Exception as error:  # noqa: BLE001 - whatever Redis did, sockets catch up by seq
            logger.warning("doorbell lost (sockets catch up by seq): %r", error)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of this process: a forked child must not use its parent's."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(
                    target=self._loop.run_forever, name="doorbells", daemon=True
                ).start()
            return self._loop


_bells = _Bells()
