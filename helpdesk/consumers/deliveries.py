"""How long events take to reach a client: to the send, or to its acknowledgement."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from helpdesk.events import Frame
from helpdesk.metrics import WS_DELIVERY_SECONDS

ACK_SECONDS: Final = 5.0
MAX_UNACKNOWLEDGED: Final = 1000


class Deliveries:
    """The events that one socket was sent and has not acknowledged, by their position."""

    def __init__(self, *, wants_acks: bool) -> None:
        self._wants_acks = wants_acks
        self._unacknowledged: dict[Any, float] = {}

    def sent(self, position: Any, frame: Frame) -> None:
        """Measure now, or begin to wait for the acknowledgement of `position`."""
        happened_at = datetime.fromisoformat(frame["occurred_at"]).timestamp()
        if self._wants_acks:
            self._unacknowledged[position] = happened_at
        else:
            _observe(time.time() - happened_at)

    def acknowledged(self, position: Any) -> None:
        """Measure up to now, once; an unknown or repeated position is nothing."""
        happened_at = self._unacknowledged.pop(position, None)
        if happened_at is not None:
            _observe(time.time() - happened_at)

    def count_late(self) -> None:
        """Count a frame that an open socket did not acknowledge for 5 s as late, once."""
        now = time.time()
        for position, happened_at in list(self._unacknowledged.items()):
            if now - happened_at > ACK_SECONDS:
                del self._unacknowledged[position]
                _observe(now - happened_at)

    def are_too_many(self) -> bool:
        """Tell whether the client is so far behind that it should come again."""
        return len(self._unacknowledged) > MAX_UNACKNOWLEDGED


def _observe(seconds: float) -> None:
    WS_DELIVERY_SECONDS.observe(max(0.0, seconds))
