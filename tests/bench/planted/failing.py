"""A defect that a header awakens: the request dies of an exception nobody catches."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "X-Planted-Failure"


class PlantedFailure(RuntimeError):
    """It was asked for."""


class FailingMiddleware:
    """Innermost, so everything that counts a failing view counts this one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if HEADER in request.headers:
            raise PlantedFailure
        return self._get_response(request)
