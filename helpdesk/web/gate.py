"""The door of every page: who may come in, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache

from helpdesk import trace
from helpdesk.access import Right, has_right
from helpdesk.errors import HelpdeskError
from helpdesk.models import User

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponse]

_MAY_NOT: Final = "Your role may not do this."


def signed_in(request: HttpRequest) -> User:
    """Return the user of a request that `page` has let in."""
    return cast("User", request.user)


def client_ip(request: HttpRequest) -> str | None:
    """Return the peer's address for the audit log; what a browser claims in headers is no proof."""
    return request.META.get("REMOTE_ADDR") or None


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of the page; a restored history entry is a whole page."""
    is_restored = request.headers.get("HX-History-Restore-Request") == "true"
    return request.headers.get("HX-Request") == "true" and not is_restored


def page[**P](right: Right) -> Callable[[View[P]], View[P]]:
    """
    Return a decorator that lets in whoever holds `right` and answers anticipated errors.

    Nobody in particular goes to the login page and comes back; a `HelpdeskError` becomes a
    problem page. Pages are never stored: behind a logout there is nothing to go back to.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return _to_login(request)
            if not has_right(request.user, right):
                return problem_page(request, status=403, detail=_MAY_NOT)
            try:
                response = view(request, *args, **kwargs)
            except HelpdeskError as error:
                return problem_page(request, status=error.status, detail=error.detail)
            patch_vary_headers(response, ["HX-Request"])
            return response

        return cast("View[P]", never_cache(guarded))

    return decorate


def _to_login(request: HttpRequest) -> HttpResponse:
    """Send the browser to the login page, also when only htmx asked."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    response = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
    response["HX-Redirect"] = settings.LOGIN_URL
    return response


def problem_page(request: HttpRequest, *, status: int, detail: str) -> HttpResponse:
    """Return the page that tells people what the API would tell in a problem document."""
    problem: dict[str, Any] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "trace_id": trace.current_id(),
    }
    return render(request, "helpdesk/problem.html", {"problem": problem}, status=status)
