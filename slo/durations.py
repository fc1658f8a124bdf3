"""Windows as people write them: 60s, 5m, 1h, 7d."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def parse(text: str) -> timedelta:
    """
    Return the duration that `text` names.

    :raises ValueError: when it names none
    """
    found = re.fullmatch(r"([1-9]\d*)([smhd])", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no duration such as 60s, 5m, 1h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def text(duration: timedelta) -> str:
    """Return `duration` in its largest whole unit."""
    seconds = round(duration.total_seconds())
    for unit, size in _UNITS.items():
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
