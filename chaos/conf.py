"""`settings.CHAOS` with a safe default for everything a project leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings

DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "ENVIRONMENT": "development",
        "MAX_TTL_SECONDS": 600,
        "MAX_ACTIVE_FAULTS": 10,
        "MAX_CONCURRENT_SLEEPS": 24,
        "CONTROL_DATABASE_URL": "",
        "CONTROL_IN_TESTS": False,
        "EXEMPT_PATHS": (
            "/admin/",
            "/api/v1/dev/chaos",
            "/chaos/",
            "/livez",
            "/readyz",
            "/metrics",
        ),
        "MAY_INJECT": "chaos.guard.is_superuser",
        "EXERCISES": "",
        "STOP_FILE": "",
        "PROBES": "",
        "EXPERIMENTS": "",
        "ON_INJECTED": "",
    }
)


def get(name: str) -> Any:
    """Return `settings.CHAOS[name]`, or its default."""
    return getattr(settings, "CHAOS", {}).get(name, DEFAULTS[name])
