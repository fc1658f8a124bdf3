"""The product: tickets, messages and the ways they travel."""

from __future__ import annotations

from django.apps import AppConfig


class HelpdeskConfig(AppConfig):
    name = "helpdesk"
    verbose_name = "Helpdesk"

    def ready(self) -> None:
        """Import the tasks, so that web processes too know their names and options."""
        from helpdesk import tasks  # noqa: F401, PLC0415 - models must be loaded first
