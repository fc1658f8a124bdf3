"""Wiring that needs the apps loaded: one explicit function."""

from __future__ import annotations

from django.apps import AppConfig, apps


class WiringConfig(AppConfig):
    name = "config"
    label = "wiring"

    def ready(self) -> None:
        """Make ours the current Celery app, trace its jobs, and measure its queues with slo."""
        from config import celery as _celery  # noqa: F401, PLC0415 - needs settings
        from config import tracing  # noqa: PLC0415 - needs settings

        tracing.connect()
        if apps.is_installed("slo"):
            from slo.instruments import celery  # noqa: PLC0415 - needs settings

            celery.connect()
