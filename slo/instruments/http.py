"""
Request metrics that count every request exactly once.

These are django-prometheus' middlewares with their metrics and names, and five corrections:

* one latency observation per request (upstream observes an unhandled exception twice);
* made-up verbs share one `method` label in the histogram too, so no client can grow the exposition;
* a 500 raised by a middleware is counted with its status and its view;
* so is a request that an early middleware or a `process_view` hook answered by itself;
* the latency by view is read from the outermost clock: sessions, authentication and whatever else
  makes a user wait is in it.

A streamed response is timed until its first byte, as upstream does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django_prometheus.middleware import PrometheusAfterMiddleware, PrometheusBeforeMiddleware

UNNAMED_VIEW = "<unnamed view>"


class _Ledger(PrometheusAfterMiddleware):  # type: ignore[misc]  # upstream has no types
    """Upstream's accounting with bounded labels and views known even when no view ran."""

    def label_metric(
        self,
        metric: Any,
        request: HttpRequest,
        response: HttpResponseBase | None = None,
        **labels: str,
    ) -> Any:
        """Return the child of `metric` for `labels`, whose method is one HTTP knows."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)

    def _get_view_name(self, request: HttpRequest) -> str:
        match = getattr(request, "resolver_match", None)
        return (match and match.view_name) or UNNAMED_VIEW


class BeforeMiddleware(PrometheusBeforeMiddleware):  # type: ignore[misc]  # upstream has no types
    """The first middleware: whatever answers below it, its clock and its ledger see it once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self.ledger = _Ledger(get_response)

    def process_request(self, request: Any) -> None:
        super().process_request(request)
        _forgive_bad_content_length(request)
        self.ledger.process_request(request)
        # One clock for both histograms: the outermost.
        request.prometheus_after_middleware_event = request.prometheus_before_middleware_event

    def process_response(self, request: Any, response: HttpResponseBase) -> HttpResponseBase:
        if getattr(request, "resolver_match", None) is None:  # no view ran
            request.resolver_match = _resolved(request)
        self.ledger.process_response(request, response)
        self._count_view(request)
        return super().process_response(request, response)  # type: ignore[no-any-return]

    def _count_view(self, request: HttpRequest) -> None:
        # Upstream counts in `process_view`, which misses whatever was answered before it.
        self.ledger.label_metric(
            self.metrics.requests_by_view_transport_method,
            request,
            view=self.ledger._get_view_name(request),  # noqa: SLF001 - upstream's hook to override
            transport=self.ledger._transport(request),  # noqa: SLF001
            method=request.method or "",
        ).inc()


class AfterMiddleware(_Ledger):
    """The last middleware: sees which exception a view raised and which template it rendered."""

    def process_request(self, request: HttpRequest) -> None:
        """Do nothing: `BeforeMiddleware` counted the request."""

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Do nothing: `BeforeMiddleware` counts the view with its response."""

    def process_response(
        self, _request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return `response` uncounted: `BeforeMiddleware` sees every response, this one not."""
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Count the exception by type and view; its latency is observed with the response."""
        kind = type(exception).__name__
        self.label_metric(self.metrics.exceptions_by_type, request, type=kind).inc()
        view = self._get_view_name(request)
        self.label_metric(self.metrics.exceptions_by_view, request, view=view).inc()


def _resolved(request: HttpRequest) -> Any:
    """Return the match of a path whose view never ran, or None where there is no view."""
    try:
        return resolve(request.path_info, urlconf=getattr(request, "urlconf", None))
    except Resolver404:
        return None


def _forgive_bad_content_length(request: HttpRequest) -> None:
    # Upstream calls int() on the header: a client's typo would be a 500 that nobody counts.
    if not request.META.get("CONTENT_LENGTH", "").strip().isdecimal():
        request.META["CONTENT_LENGTH"] = ""
