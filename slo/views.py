"""The page that Prometheus scrapes."""

from __future__ import annotations

import ipaddress
import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from slo import registry, text


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the exposition: to this machine freely, to others with the bearer token."""
    if not may_scrape(request):
        challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("Unauthorized\n", "text/plain", status=401, headers=challenge)
    page = text.render(registry.Exposition().collect())
    return HttpResponse(page, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def may_scrape(request: HttpRequest) -> bool:
    """Return whether the request comes from this very machine or carries the token."""
    return _has_token(request) or _is_local(request)


def _has_token(request: HttpRequest) -> bool:
    token = getattr(settings, "SLO", {}).get("METRICS_TOKEN", "")
    given = request.headers.get("Authorization", "")
    return bool(token) and secrets.compare_digest(given.encode(), f"Bearer {token}".encode())


def _is_local(request: HttpRequest) -> bool:
    # Behind a proxy every peer is local, so a forwarded request is never taken for one.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
