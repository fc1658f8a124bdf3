"""Wiring of the app: checks, counters, and Celery's processes."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChaosConfig(AppConfig):
    name = "chaos"
    verbose_name = "Chaos"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chaos import kernel, metrics  # noqa: PLC0415 - models are not ready at import
        from chaos.checks import check_dotted_paths, check_environment  # noqa: PLC0415
        from chaos.points import workers  # noqa: PLC0415

        checks.register(check_environment)
        checks.register(check_dotted_paths)
        kernel.on_injected.append(metrics.count_injection)
        workers.connect()
