"""Which collectors, beyond each process' own counters, every scrape shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.apps import apps
from prometheus_client.registry import Collector

from helpdesk.selectors.gauges import HelpdeskCollector


@cache
def collectors() -> Iterable[Collector]:
    """Return the collectors that read rows; made once, because they keep values for seconds."""
    found: list[Collector] = [HelpdeskCollector()]
    if apps.is_installed("chaos"):
        from chaos.metrics import ActiveFaultsCollector  # noqa: PLC0415 - only where installed

        found.append(ActiveFaultsCollector())
    return tuple(found)
