"""What every feed shares: the door, the doorbells, the heartbeat, and a bounded backlog."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from channels.consumer import await_many_dispatch, get_channel_layer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from helpdesk import events, trace
from helpdesk.access import Right, has_right
from helpdesk.consumers.backlog import Backlog
from helpdesk.consumers.deliveries import Deliveries
from helpdesk.models import User

BAD_POSITION, UNAUTHENTICATED, NO_ACCESS, NO_SUCH_TICKET, TOO_SLOW = 4400, 4401, 4403, 4404, 4408
HEARTBEAT_SECONDS: Final = 10.0
LAYER_SECONDS: Final = 1.0
JOIN_AGAIN_SECONDS: Final = 5.0  # each try leaves a queue behind in the layer
logger = logging.getLogger(__name__)


async def in_thread[T](read: Callable[[], T]) -> T:
    """Run a database read beside the loop, in any free thread: sockets must not queue for one."""
    result: T = await database_sync_to_async(read, thread_sensitive=False)()
    return result


class FeedConsumer(AsyncWebsocketConsumer, ABC):  # type: ignore[misc]  # channels has no types
    """
    One watcher of one feed.

    Rows are the truth and doorbells only say when to look: whatever the channel layer loses, the
    next doorbell or heartbeat finds the gap by the feed's position and fills it from the journal.
    """

    position_name: str  # of frames, heartbeats and acknowledgements: "seq" or "cursor"

    # What a feed defines.

    @abstractmethod
    def group(self) -> str:
        """Return the group whose doorbells this feed hears."""

    @abstractmethod
    async def begin(self, after: str) -> int:
        """Take the client's position and replay what it missed; return a close code, or 0."""

    @abstractmethod
    async def look(self) -> int:
        """Send what nobody rang for; return a close code, or 0."""

    @abstractmethod
    def position(self) -> Any:
        """Return the position of the last frame sent."""

    async def take(self, operation: dict[str, Any]) -> None:
        """Do what the client asked for, beyond acknowledging; by default nothing."""

    # The life of a socket.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """
        Serve one socket.

        Channels asks the layer for a channel before it looks at the socket, so that without
        Redis none would open. This one opens first and listens as soon as it can.
        """
        self.scope, self.base_send = scope, send
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        with trace.continued(parent), suppress(StopConsumer):
            await await_many_dispatch([receive], self.dispatch)

    async def connect(self) -> None:
        await self.accept()  # a refusal can only carry a code once the socket is open
        self.ticker: asyncio.Task[None] | None = None
        self.ear: asyncio.Task[None] | None = None
        self.turn = asyncio.Lock()
        self.is_deaf, self.is_closing = True, False
        self.channel_name, self.join_at = "", 0.0
        self.user = self.scope.get("user")
        self.backlog = Backlog(self.scope)
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.deliveries = Deliveries(wants_acks=query.get("ack") == ["1"])
        refusal = self._refusal()
        if not refusal:  # join first and replay second: what happens in between is sent once
            await self._join()
            refusal = await self.begin(query.get("after", [""])[0])
        if refusal:
            await self.leave(refusal)
        else:
            self.ticker = asyncio.create_task(self._tick())

    def _refusal(self) -> int:
        if self.user is None or not self.user.is_authenticated:
            return UNAUTHENTICATED
        return 0 if has_right(self.user, Right.READ) else NO_ACCESS

    async def leave(self, code: int) -> None:
        """Close the socket, once, and send nothing more."""
        if not self.is_closing:
            self.is_closing = True
            await self.close(code=code)

    async def disconnect(self, code: int) -> None:
        self.is_closing = True
        if self.ticker is not None:
            self.ticker.cancel()
        if self.ear is None:
            return
        self.ear.cancel()
        with suppress(Exception):  # the layer may be away; its groups forget us by themselves
            async with asyncio.timeout(LAYER_SECONDS):
                for group in self._groups():
                    await self.channel_layer.group_discard(group, self.channel_name)

    # Doorbells.

    def _groups(self) -> tuple[str, str]:
        return self.group(), events.user_group(self.scope["user"].pk)

    async def _join(self) -> None:
        """Join the feed's groups, unless the channel layer is away: then the socket polls."""
        if time.monotonic() < self.join_at:
            return
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                self.channel_name = await self.channel_layer.new_channel()
                for group in self._groups():
                    await self.channel_layer.group_add(group, self.channel_name)
        except Exception as error:  # noqa: BLE001 - any failure of the layer means: poll instead
            logger.warning("socket polls, the channel layer is away: %r", error)
            self.join_at = time.monotonic() + JOIN_AGAIN_SECONDS
            return
        self.is_deaf = False
        self.ear = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        """Take doorbells until the layer fails; the ticker joins again."""
        try:
            while True:
                await self._hear(await self.channel_layer.receive(self.channel_name))
        except Exception as error:  # noqa: BLE001 - whatever ended it, who hears nothing must poll
            self.is_deaf = True
            logger.warning("socket stopped hearing doorbells: %r", error)

    async def _hear(self, message: dict[str, Any]) -> None:
        try:
            await self.dispatch(message)
        except DatabaseError as error:  # the next doorbell or heartbeat fills the gap
            logger.warning("socket could not read the journal: %s", error)

    async def recheck(self, _message: dict[str, Any]) -> None:
        """Close at once if the user, whose rights have changed, may no longer read."""
        await self._check_access()

    # Frames.

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take an acknowledgement or another operation; ignore what is none."""
        with suppress(orjson.JSONDecodeError):
            operation = orjson.loads(text_data or b"{}")
            if not isinstance(operation, dict):
                return
            if operation.get("op") == "ack":
                self._acknowledge(operation.get(self.position_name))
            else:
                await self.take(operation)

    def _acknowledge(self, position: Any) -> None:
        with suppress(TypeError):  # an unhashable position is no position of ours
            self.deliveries.acknowledged(position)

    async def deliver(self, frame: events.Frame, *, is_history: bool, parent: str = "") -> None:
        """
        Send one event, as a span of its own trace below `parent`, if that is known.

        What happened before this socket was there is nobody's news: not late, and no span.
        """
        if is_history:
            await self.write(frame)
            return
        with trace.span("socket.send", parent=parent or frame["trace_id"], kind=trace.PRODUCER):
            await self.write(frame)
            self.deliveries.sent(frame[self.position_name], frame)  # type: ignore[literal-required]

    async def write(self, value: Any) -> None:
        """Send one frame, and wait for room while the client does not read."""
        if self.is_closing:
            return
        await self.send(text_data=orjson.dumps(value).decode())
        if self.deliveries.are_too_many() or not await self.backlog.has_room():
            await self.leave(TOO_SLOW)

    # The heartbeat.

    async def _tick(self) -> None:
        """Every second look for late acknowledgements; beat, or poll while deaf."""
        next_beat = time.monotonic()
        while not self.is_closing:
            self.deliveries.count_late()
            if self.backlog.is_stuck():
                await self.leave(TOO_SLOW)
            elif self.is_deaf or time.monotonic() >= next_beat:
                next_beat = time.monotonic() + HEARTBEAT_SECONDS
                await self._beat()
            await asyncio.sleep(1)

    async def _beat(self) -> None:
        """Check access, fill gaps nobody rang for, and tell the client the head position."""
        try:
            if not await self._check_access():
                return
            if self.is_deaf:
                await self._join()
            refusal = await self.look()
        except DatabaseError as error:
            logger.warning("socket could not read the journal: %s", error)
            return
        if refusal:
            await self.leave(refusal)
            return
        await self.write({"type": "heartbeat", self.position_name: self.position()})

    async def _check_access(self) -> bool:
        opened_by = self.scope["user"]
        self.user = await in_thread(User.objects.filter(pk=opened_by.pk).first)
        if not has_right(self.user, Right.READ):
            await self.leave(NO_ACCESS)
            return False
        if self.user.password != opened_by.password:  # what let this socket in holds no more
            await self.leave(UNAUTHENTICATED)
            return False
        return True

    async def resync(self) -> None:
        """Tell the client that it missed more than is replayed, and where the head is now."""
        await self.write({"type": "resync", self.position_name: self.position()})
