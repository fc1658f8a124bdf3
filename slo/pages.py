"""The pages that tell everybody who is logged in how the promises stand."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from slo import panels, selectors
from slo.errors import SourceUnavailable, UnknownObjective


@require_safe
@never_cache
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show every enabled objective with its figures and its last hours."""
    now = timezone.now()
    try:
        found = selectors.evaluate_all(now=now)
    except SourceUnavailable as error:
        return _unavailable(request, error)
    context: dict[str, Any] = {
        "rows": panels.rows(found, now=now),
        "overall": selectors.overall(found),
        "evaluated_at": now,
    }
    return render(request, "slo/dashboard.html", context)


@require_safe
@never_cache
@login_required
def objective(request: HttpRequest, name: str) -> HttpResponse:
    """Show one objective: its history, what it was counted from, and how it is computed."""
    now = timezone.now()
    try:
        (found,) = selectors.evaluate_all(now=now, names=[name])
    except UnknownObjective as error:
        raise Http404(f"There is no objective {error}.") from error
    except SourceUnavailable as error:
        return _unavailable(request, error)
    return render(request, "slo/objective.html", {"it": panels.whole(found, now=now)})


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    return render(request, "slo/unavailable.html", {"error": error}, status=503)
