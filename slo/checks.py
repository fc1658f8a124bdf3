"""System checks: an objective whose threshold is no bucket edge would be judged by nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.http import HttpResponse

from slo import buckets
from slo.errors import ThresholdIsNoEdge


@checks.register("slo")
def check_default_objectives(
    app_configs: Sequence[AppConfig] | None, **_future: Any
) -> list[checks.CheckMessage]:
    """Return an error for each objective of the settings whose threshold is no edge."""
    from slo.services import default_objectives  # noqa: PLC0415 - needs the models

    return _faults(
        (each["name"], each["metric"], each.get("threshold_seconds"))
        for each in default_objectives()
    )


@checks.register("slo", checks.Tags.database)
def check_stored_objectives(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_future: Any
) -> list[checks.CheckMessage]:
    """Return an error for each enabled stored objective whose threshold is no edge."""
    from slo.models import Objective  # noqa: PLC0415 - needs the models

    rows = Objective.objects.filter(is_enabled=True, threshold_seconds__isnull=False)
    try:
        return _faults(list(rows.values_list("name", "metric", "threshold_seconds")))
    except DatabaseError:  # not migrated yet: there is nothing to check
        return []


def _faults(objectives: Iterable[tuple[str, str, Any]]) -> list[checks.CheckMessage]:
    _register_request_metrics()
    found: list[checks.CheckMessage] = []
    for name, metric, threshold_seconds in objectives:
        try:
            if threshold_seconds is not None:
                buckets.refuse_no_edge(metric, Decimal(threshold_seconds))
        except ThresholdIsNoEdge as error:
            hint = "Add the edge to the histogram or promise one it has."
            found.append(checks.Error(f"{name}: {error}", hint=hint, id="slo.E001"))
    return found


def _register_request_metrics() -> None:
    """Let the request metrics register, which otherwise happens with the first request."""
    from slo.instruments import http  # noqa: PLC0415 - reads settings

    if f"{http.__name__}.BeforeMiddleware" in settings.MIDDLEWARE:
        http.BeforeMiddleware(lambda _request: HttpResponse())
