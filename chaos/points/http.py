"""Faults in HTTP requests: two middlewares, an outer that exempts and an inner that delays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from chaos import conf, control, kernel

FAULT_HEADER = "X-Chaos-Fault"
GetResponse = Callable[[HttpRequest], HttpResponse]


def is_exempt(path: str) -> bool:
    """Tell whether no fault may touch a request for `path`."""
    return any(
        path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/")
        for prefix in conf.get("EXEMPT_PATHS")
    )


class ExemptionMiddleware:
    """
    Exempts whole requests, the other middlewares' share included, and marks touched responses.

    List it early: what runs outside it (a session's save, say) is not exempt.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        control.ensure_running()  # so the very first request may be hit

    def __call__(self, request: HttpRequest) -> HttpResponse:
        control.ensure_running()
        if is_exempt(request.path_info):
            with kernel.bypass():
                return self.get_response(request)
        with kernel.traced() as fault_names, kernel.serving(_context(request)):
            response = self.get_response(request)
        if fault_names:
            response.headers[FAULT_HEADER] = ", ".join(fault_names)
        return response


class ChaosMiddleware(ExemptionMiddleware):
    """
    Delays requests inside the application. List it last, with or without the outer one.

    `process_view` runs within the metrics' clock and knows the view, so injected latency is
    measured as the users feel it.
    """

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if kernel.ARMED:
            _learn_view(request)
            fault = kernel.pick("latency", kernel.current_request())
            if fault:
                kernel.sleep(fault, fault.draw_delay_seconds())
        return None


def _context(request: HttpRequest) -> dict[str, str]:
    return {"method": request.method or "", "path": request.path_info}


def _learn_view(request: HttpRequest) -> None:
    """Add the view's name, which is known only once the middlewares are through."""
    context, match = kernel.current_request(), request.resolver_match
    if match is not None and isinstance(context, dict):
        context["view"] = match.view_name
