"""When faults were injected on purpose, told by the project: this app knows no fault injection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

type Hook = Callable[[datetime, datetime], Iterable[tuple[datetime, datetime, str]]]


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """A time in which something was broken on purpose, and what."""

    since: datetime
    until: datetime
    what: str


def between(since: datetime, until: datetime) -> list[Interruption]:
    """
    Return the interruptions that touch the time between, cut to it.

    `settings.SLO["CHAOS_INTERVALS"]` is a dotted path to `(since, until)` → tuples of start, end
    and name; without it there is none.
    """
    path = getattr(settings, "SLO", {}).get("CHAOS_INTERVALS")
    if not path:
        return []
    hook: Hook = import_string(path)
    return [
        Interruption(since=max(start, since), until=min(end, until), what=what)
        for start, end, what in hook(since, until)
        if start < until and end > since
    ]
