"""What the control room shows: a card for each target, with what holds and what came before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from chaos import catalog, lever, selectors
from chaos.models import Fault

_CARDS: Final = {
    "redis": ("Redis", "memory", "Cache, channel layer and broker"),
    "postgres": ("PostgreSQL", "database", "Every fact, by every process"),
    "provider": ("Provider", "cell_tower", "Who carries messages to customers"),
    "latency": ("Latency", "hourglass_top", "Requests wait inside the application"),
    "websocket": ("WebSocket", "cable", "Live sockets of browsers"),
    "queue": ("Queue", "stacks", "Workers and their jobs"),
}
PRESET_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Card:
    """One target: how it is, and what can be done to it."""

    target: str
    title: str
    icon: str
    meaning: str
    modes: list[tuple[str, str]]
    faults: list[Fault]
    last: Fault | None


def cards(*, now: dt.datetime) -> list[Card]:
    """Return a card for each target of the catalogue."""
    active = list(selectors.active_faults(now=now))
    last = selectors.last_ended(now=now)
    return [_card(target, active, last.get(target)) for target in catalog.CATALOGUE]


def _card(target: str, active: list[Fault], last: Fault | None) -> Card:
    title, icon, meaning = _CARDS.get(target, (target.title(), "bolt", ""))
    modes = catalog.CATALOGUE[target].items()
    return Card(
        target=target,
        title=title,
        icon=icon,
        meaning=meaning,
        modes=[(name, mode.meaning) for name, mode in modes],
        faults=[fault for fault in active if fault.target == target],
        last=last,
    )


def context(*, now: dt.datetime, may_inject: bool) -> dict[str, Any]:
    """Return what the template of the control room needs."""
    shown = cards(now=now)
    faults = [fault for card in shown for fault in card.faults]
    return {
        "cards": shown,
        "active_count": len(faults),
        "longest": max((fault.remaining_seconds for fault in faults), default=0),
        "stop_file": lever.file() if lever.is_pulled() else "",
        "may_inject": may_inject,
        "preset_seconds": PRESET_SECONDS,
    }
