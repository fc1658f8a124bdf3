"""Gives every request its trace id, and every response the header that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from opentelemetry.trace import Span, StatusCode

from helpdesk import trace

_SERVER_ERROR: Final = 500


class TraceMiddleware:
    """Continues an incoming W3C `traceparent`, else begins a trace; answers `X-Trace-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        parent = request.headers.get("traceparent", "")
        with trace.span("request", parent=parent, kind=trace.SERVER) as span:
            response = self._get_response(request)
            response["X-Trace-Id"] = trace.current_id()
            if span.is_recording():
                _describe(span, request, response)
        return response


def _describe(span: Span, request: HttpRequest, response: HttpResponse) -> None:
    """Name the span by its route, which has few values, and never by its path."""
    route = request.resolver_match.route if request.resolver_match else ""
    span.update_name(f"{request.method} /{route}" if route else f"{request.method}")
    span.set_attribute("http.request.method", str(request.method))
    span.set_attribute("http.route", f"/{route}")
    span.set_attribute("url.path", request.path)
    span.set_attribute("http.response.status_code", response.status_code)
    if response.status_code >= _SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
