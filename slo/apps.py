"""The app: objectives over Prometheus metrics, for any Django project."""

from __future__ import annotations

from django.apps import AppConfig
from prometheus_client import disable_created_metrics


class SloConfig(AppConfig):
    name = "slo"
    verbose_name = "Service levels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Note when this machine's counters began, and register the checks."""
        from slo import boot, checks  # noqa: F401, PLC0415 - checks register themselves

        boot.began_seconds()
        # A third more series, which nothing reads: growth is told by the counters' beginning.
        disable_created_metrics()  # type: ignore[no-untyped-call]
