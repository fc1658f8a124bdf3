"""Wiring of the app: checks, counters, and Celery's processes."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import import_string


class ChaosConfig(AppConfig):
    name = "chaos"
    verbose_name = "Chaos"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chaos import conf, hits, kernel, metrics  # noqa: PLC0415 - models are not ready at import
        from chaos.checks import check_dotted_paths, check_environment  # noqa: PLC0415
        from chaos.points import workers  # noqa: PLC0415

        checks.register(check_environment)
        checks.register(check_dotted_paths)
        kernel.on_injected += [metrics.count_injection, hits.count]
        if path := conf.get("ON_INJECTED"):
            kernel.on_injected.append(import_string(path))
        workers.connect()
