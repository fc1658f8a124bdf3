"""Signing in and out at the browser's door."""

from __future__ import annotations

import math

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.services import accounts
from helpdesk.web.forms import LoginForm

_WRONG = "Wrong e-mail or password."
_BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Show the login form, or check it and go where the browser wanted to go."""
    if request.user.is_authenticated:
        return redirect(_destination(request))
    if request.method != "POST":
        return _form(request)
    form = LoginForm(request.POST)
    if not form.is_valid():
        return _form(request, status=401, error=_WRONG)
    try:
        user = accounts.log_in(request=request, **form.cleaned_data)
    except accounts.WrongCredentials:
        return _form(request, status=401, error=_WRONG)
    except accounts.TooManyFailures as error:
        return _locked(request, wait_seconds=error.retry_after_seconds)
    login(request, user, backend=_BACKEND)
    return redirect(_destination(request))


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session and return to the login page."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def _form(request: HttpRequest, *, status: int = 200, error: str = "") -> HttpResponse:
    context = {
        "error": error,
        "email": request.POST.get("email", ""),
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    return render(request, "helpdesk/login.html", context, status=status)


def _locked(request: HttpRequest, *, wait_seconds: int) -> HttpResponse:
    minutes = math.ceil(wait_seconds / 60)
    error = f"Too many failed logins. Wait {minutes} minutes before you try again."
    response = _form(request, status=429, error=error)
    response["Retry-After"] = str(wait_seconds)
    return response


def _destination(request: HttpRequest) -> str:
    """Return `next` when it stays on this site, else the list of tickets."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else settings.LOGIN_REDIRECT_URL
