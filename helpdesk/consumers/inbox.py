"""The feed of everything: all events of all tickets and campaigns by the global cursor."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Any, Final

from django.db import DatabaseError

from helpdesk import events
from helpdesk.consumers.base import BAD_POSITION, FeedConsumer, in_thread
from helpdesk.selectors import events as journal
from helpdesk.selectors.keyset import BadCursor

_PAGE: Final = 100
# How soon to look again for an event that rang while an older transaction still ran.
_AGAIN_SECONDS: Final = (0.05, 0.1, 0.2)
# A burst is read in pages, not event by event.
_PAUSE_SECONDS: Final = 0.02
# Longer than any transaction of ours may idle; after it the heartbeat goes on looking.
_FOLLOW_SECONDS: Final = 35.0
logger = logging.getLogger(__name__)
type Frames = list[events.Frame]
_flights: dict[tuple[int, str], asyncio.Task[Frames]] = {}


class InboxConsumer(FeedConsumer):
    """
    One watcher of everything.

    A doorbell only tells that, and up to where, there is something to read: an event is sent
    when every older transaction has ended, so that none which commits late is skipped.
    """

    position_name = "cursor"

    def group(self) -> str:
        return events.INBOX_GROUP

    def position(self) -> str:
        return self.cursor

    async def begin(self, after: str) -> int:
        self.follower: asyncio.Task[None] | None = None
        self.wanted: journal.Place = (0, 0)
        self.cursor, self.place = after, (0, 0)
        async with self.turn:
            try:
                if not after:
                    await self._jump()
                else:
                    self.place = journal.place_of(after)
                    await self._replay()
            except BadCursor:
                return BAD_POSITION
        return 0

    async def look(self) -> int:
        async with self.turn:
            await self._catch_up()
        return 0

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        follower = getattr(self, "follower", None)
        if follower is not None:
            follower.cancel()

    async def doorbell(self, message: events.Doorbell) -> None:
        """Read up to the event that rang."""
        transaction, event_id = message["place"]
        self.wanted = max(self.wanted, (transaction, event_id))
        if self.follower is None or self.follower.done():
            self.follower = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Look until the newest event that rang was sent; it may have to wait for others."""
        ends_at, fruitless = time.monotonic() + _FOLLOW_SECONDS, 0
        while self.place < self.wanted and not self.is_closing and time.monotonic() < ends_at:
            before = self.place
            try:
                async with self.turn:
                    await self._catch_up()
            except DatabaseError as error:  # the heartbeat looks again
                logger.warning("inbox socket could not read the journal: %s", error)
                return
            fruitless = fruitless + 1 if self.place == before else 0
            last = len(_AGAIN_SECONDS) - 1
            wait = _AGAIN_SECONDS[min(fruitless - 1, last)] if fruitless else _PAUSE_SECONDS
            await asyncio.sleep(wait)

    async def _replay(self) -> None:
        """Send what the client missed, or ask for a resync if that is too much."""
        limit = journal.MAX_REPLAY + 1
        missed = await in_thread(partial(journal.list_all, after=self.cursor, limit=limit))
        if len(missed) < limit:
            await self._send(missed, is_history=True)
            return
        await self._jump()
        await self.resync()

    async def _jump(self) -> None:
        self.cursor = await in_thread(journal.head_cursor)
        self.place = journal.place_of(self.cursor)

    async def _catch_up(self) -> None:
        """Send everything settled; what a working socket has not seen yet is never too much."""
        while not self.is_closing:
            frames = await _read_once(self.cursor)
            await self._send(frames, is_history=False)
            if len(frames) < _PAGE:
                return

    async def _send(self, frames: Frames, *, is_history: bool) -> None:
        for frame in frames:
            self.cursor = frame["cursor"]
            await self.deliver(frame, is_history=is_history)
        if frames:
            self.place = journal.place_of(self.cursor)


async def _read_once(after: str) -> Frames:
    """
    Return the settled events after a cursor; sockets that ask at the same time share one read.

    A read that began before an event settled may lack it; whoever was rung for it looks again.
    """
    key = (id(asyncio.get_running_loop()), after)
    flight = _flights.get(key)
    if flight is None:
        read = partial(journal.list_all, after=after, limit=_PAGE)
        flight = _flights[key] = asyncio.create_task(in_thread(read))
        flight.add_done_callback(partial(_land, key))
    return await asyncio.shield(flight)


def _land(key: tuple[int, str], flight: asyncio.Task[Any]) -> None:
    _flights.pop(key, None)
    if not flight.cancelled():
        flight.exception()  # whoever waited has raised it; if nobody did, nobody needs it
