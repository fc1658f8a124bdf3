"""Faults leave their name on the span that they hit; imported where chaos is installed only."""

from __future__ import annotations

from typing import Protocol

from opentelemetry.trace import get_current_span


class Named(Protocol):
    """What a fault is to us."""

    @property
    def name(self) -> str: ...


def mark_span(fault: Named) -> None:
    """Note the fault on the span at hand (see `CHAOS["ON_INJECTED"]`)."""
    get_current_span().set_attribute("chaos.fault", fault.name)
