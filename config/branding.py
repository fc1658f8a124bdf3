"""Small facts that the admin shows about where it runs."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def environment_badge(_request: HttpRequest) -> tuple[str, str]:
    """Return the name of the environment and the colour of its badge."""
    colours = {"production": "danger", "qa": "warning", "development": "info"}
    return settings.ENVIRONMENT.capitalize(), colours[settings.ENVIRONMENT]
