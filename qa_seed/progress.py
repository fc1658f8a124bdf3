"""A progress bar for people: on a terminal only, one line, nothing left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

_WIDTH: Final = 30
_REDRAW_SECONDS: Final = 0.1


class Bar:
    """Shows how much of `total` is done; silent where nobody watches."""

    def __init__(self, stream: TextIO, *, total: int, noun: str) -> None:
        self._stream = stream
        self._total = total
        self._noun = noun
        self._done = 0
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._is_watched = stream.isatty() and total > 0

    def advance(self, amount: int) -> None:
        """Note that `amount` more is done, and redraw now and then."""
        self._done += amount
        now = time.monotonic()
        if self._is_watched and now - self._drawn_at >= _REDRAW_SECONDS:
            self._drawn_at = now
            self._stream.write(f"\r{self._line(now)}")
            self._stream.flush()

    def _line(self, now: float) -> str:
        share = min(1.0, self._done / self._total)
        filled = int(share * _WIDTH)
        left = (now - self._began) * (1 - share) / share if share else 0.0
        bar = "█" * filled + "░" * (_WIDTH - filled)
        return (
            f"{bar} {share:4.0%}  {self._done:,}/{self._total:,} {self._noun}, {left:.0f} s left  "
        )

    def clear(self) -> None:
        if self._is_watched:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@contextmanager
def bar(stream: TextIO, *, total: int, noun: str) -> Iterator[Bar]:
    """Show a bar for as long as the block runs."""
    shown = Bar(stream, total=total, noun=noun)
    try:
        yield shown
    finally:
        shown.clear()
