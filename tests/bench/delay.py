"""What something slow downstream looks like to a server: every request waits in its thread."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class DelayMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        time.sleep(getattr(settings, "BENCH_DELAY_MS", 0) / 1000)
        return self._get_response(request)
