"""Time as a runner sees it; tests bring their own."""

from __future__ import annotations

import datetime as dt
import time

from django.utils import timezone


class Clock:
    """The machine's clocks."""

    def now(self) -> dt.datetime:
        return timezone.now()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
