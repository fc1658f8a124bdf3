"""Faults of a provider that is not our simulator: wired by the settings where chaos is enabled."""

from __future__ import annotations

import httpx

from chaos.points.transport import FaultyTransport
from helpdesk.provider.deadline import seconds_left


def faulty(inner: httpx.BaseTransport) -> httpx.BaseTransport:
    """Wrap the provider's transport; what a fault delays ends at the call's deadline as well."""
    return FaultyTransport(inner, seconds_left=seconds_left)
