"""The banner that every page shows while a fault is active, with its countdown."""

from __future__ import annotations

import math
import time
from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse

from chaos import control, guard, kernel


def active() -> list[dict[str, Any]]:
    """Return what this process knows to be armed, the one that ends last at the end."""
    now = time.monotonic()
    faults = sorted(filter(kernel.is_armed, kernel.active()), key=lambda fault: fault.deadline)
    return [
        {"name": fault.name, "secondsLeft": math.ceil(min(fault.deadline - now, 86_400))}
        for fault in faults
    ]


def script(_request: HttpRequest | None = None) -> str:
    """Return the address of the script that makes and updates the banner."""
    return f"{static('chaos/banner.js')}?url={quote(reverse('chaos-banner'))}"


def style(_request: HttpRequest | None = None) -> str:
    """Return the address of the banner's stylesheet."""
    return static("chaos/banner.css")


def render() -> str:
    """Return the banner as HTML for the top of a page, hidden while nothing is active."""
    faults = active()
    context = {"faults": faults, "script": script(), "style": style()}
    return render_to_string("chaos/banner.html", context)


def banner(_request: HttpRequest) -> JsonResponse:
    """Tell which faults are active and how long; no reasons and no people, so it asks for none."""
    if not guard.may_act():
        raise Http404
    control.ensure_running()
    return JsonResponse({"faults": active()}, headers={"Cache-Control": "no-store"})
