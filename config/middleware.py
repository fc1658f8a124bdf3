"""Content Security Policy: strict everywhere, loosened for the admin alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_BASE: Final = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none';"
    " base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
STRICT: Final = f"{_BASE}; script-src 'self'; style-src 'self'"
# unfold's Alpine components evaluate expressions and set inline styles (its issue 2129 is closed
# as won't fix); the API's docs and browsable pages carry inline scripts of their own.
LOOSE: Final = (
    f"{_BASE}; script-src 'self' 'unsafe-eval' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
_LOOSE_PATHS: Final = ("/admin/", "/api/")


class ContentSecurityPolicyMiddleware:
    """Sets the policy unless a view set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        policy = LOOSE if request.path.startswith(_LOOSE_PATHS) else STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
