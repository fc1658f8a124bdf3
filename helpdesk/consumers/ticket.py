"""The feed of one ticket: its events by `seq`, and who is typing."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from helpdesk import dispatch, events, trace
from helpdesk.access import Right, has_right
from helpdesk.consumers.base import BAD_POSITION, NO_SUCH_TICKET, FeedConsumer, in_thread
from helpdesk.selectors import events as journal
from helpdesk.selectors import tickets
from helpdesk.selectors.keyset import moment

TYPING_SECONDS: Final = 2.0
_MAX_SEQ_DIGITS: Final = 18
_PAGE: Final = 100
logger = logging.getLogger(__name__)


class TicketConsumer(FeedConsumer):
    """One watcher of one ticket."""

    position_name = "seq"

    def group(self) -> str:
        return events.ticket_group(self.scope["url_route"]["kwargs"]["ticket_id"])

    def position(self) -> int:
        return self.last_seq

    async def begin(self, after: str) -> int:
        self.ticket_id: int = self.scope["url_route"]["kwargs"]["ticket_id"]
        self.typed_at = 0.0
        head = await self._head()
        if head is None:
            return NO_SUCH_TICKET
        if after and not (after.isascii() and after.isdigit() and len(after) <= _MAX_SEQ_DIGITS):
            return BAD_POSITION
        self.last_seq = min(int(after), head) if after else head
        async with self.turn:
            await self._catch_up(head=head, is_history=True)
        return 0

    async def look(self) -> int:
        head = await self._head()
        if head is None:
            return NO_SUCH_TICKET
        async with self.turn:
            await self._catch_up(head=head, is_history=False)
        return 0

    async def _head(self) -> int | None:
        return await in_thread(partial(tickets.head_seq, ticket_id=self.ticket_id))

    async def doorbell(self, message: events.Doorbell) -> None:
        """Send the event that rang; if others came before it unheard, send those first."""
        frame = message["frame"]
        seq = frame["seq"] or 0
        async with self.turn:
            if seq == self.last_seq + 1:
                await self._send(frame, parent=message.get("traceparent", ""))
            elif seq > self.last_seq:
                await self._catch_up(head=seq, is_history=False)

    async def _catch_up(self, *, head: int, is_history: bool) -> None:
        """Send what the journal holds after `last_seq`, or ask for a resync if that is too much."""
        if head - self.last_seq > journal.MAX_REPLAY:
            self.last_seq = head
            await self.resync()
            return
        while self.last_seq < head and not self.is_closing:
            read = partial(
                journal.list_of_ticket, ticket_id=self.ticket_id, after=self.last_seq, limit=_PAGE
            )
            frames = await in_thread(read)
            if not frames:
                return
            for frame in frames:
                await self._send(frame, is_history=is_history)

    async def _send(
        self, frame: events.Frame, *, is_history: bool = False, parent: str = ""
    ) -> None:
        self.last_seq = frame["seq"] or 0
        await self.deliver(frame, is_history=is_history, parent=parent)

    async def take(self, operation: dict[str, Any]) -> None:
        """Tell the ticket's other sockets that this user types, at most once in 2 s."""
        now = time.monotonic()
        if operation.get("op") != "typing" or now - self.typed_at < TYPING_SECONDS:
            return
        if self.is_deaf or not has_right(self.user, Right.WRITE):
            return
        self.typed_at = now
        with trace.continued("") as trace_id:
            frame: events.TypingFrame = {
                "type": events.TYPING,
                "ticket": self.ticket_id,
                "occurred_at": moment(datetime.now(UTC)),
                "trace_id": trace_id,
                "data": {"user": {"id": self.user.pk, "name": self.user.name}},
            }
            dispatch.ring_typing(frame, sender=self.channel_name)

    async def typing(self, message: events.TypingBell) -> None:
        """Show that somebody else types; it is not stored, so nobody catches up on it."""
        if message["sender"] != self.channel_name:
            await self.write(message["frame"])
