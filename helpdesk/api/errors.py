"""Every error of the API as an RFC 9457 problem document."""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from helpdesk import trace
from helpdesk.api.media_types import PROBLEM_JSON
from helpdesk.errors import HelpdeskError

DATABASE_GONE: Final = (OperationalError, InterfaceError, InternalError)
RETRY_AFTER_SECONDS: Final = 2
logger = logging.getLogger(__name__)


def problem(
    *, status: int, detail: str, code: str, errors: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a problem document with the current trace id; `errors` are messages by field."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "trace_id": trace.current_id(),
    }
    if errors:
        document["errors"] = errors
    return document


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem response for `error`, or None for one that nobody anticipated."""
    if isinstance(error, HelpdeskError):
        set_rollback()
        return _respond(error.status, error.detail, error.code, error.fields, _headers(error))
    if isinstance(error, DATABASE_GONE):
        set_rollback()
        logger.warning("database unavailable: %s", error)
        return _unavailable()
    if isinstance(error, RequestDataTooBig):
        return _respond(413, "The body is too large.", "body_too_large", None, {})
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return _anticipated(error)


def _anticipated(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, exceptions.ValidationError):
        errors = error.detail if isinstance(error.detail, dict) else {"non_field": error.detail}
        return _respond(400, _sentence(errors), "invalid", errors, headers)
    detail: Any = error.detail
    code = detail.get("code", "") if isinstance(detail, dict) else getattr(detail, "code", "")
    text = detail.get("detail", "") if isinstance(detail, dict) else detail
    return _respond(error.status_code, str(text), str(code) or "error", None, headers)


def _sentence(errors: Any) -> str:
    """Return the messages by field as text, for people who read only `detail`."""
    if isinstance(errors, dict):
        return " ".join(f"{field}: {_sentence(messages)}" for field, messages in errors.items())
    if isinstance(errors, list):
        return " ".join(_sentence(message) for message in errors)
    return str(errors)


def _headers(error: HelpdeskError) -> dict[str, str]:
    wait = getattr(error, "retry_after_seconds", None)
    return {"Retry-After": str(wait)} if wait else {}


def _respond(
    status: int,
    detail: str,
    code: str,
    errors: dict[str, Any] | None,
    headers: dict[str, str],
) -> Response:
    document = problem(status=status, detail=detail, code=code, errors=errors)
    return Response(document, status=status, headers=headers, content_type=PROBLEM_JSON)


def _unavailable() -> Response:
    return _respond(
        503,
        "The database does not answer; try again shortly.",
        "database_unavailable",
        None,
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view could: 503 when the database is gone, else 500; never a stack trace."""
    is_gone = isinstance(sys.exc_info()[1], DATABASE_GONE)
    status = 503 if is_gone else 500
    detail = (
        "The database does not answer; try again shortly."
        if is_gone
        else "Something went wrong on our side; the trace id finds it in the logs."
    )
    code = "database_unavailable" if is_gone else "internal_error"
    response = _plain(request, status=status, detail=detail, code=code)
    if is_gone:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that nothing is at."""
    return _plain(request, status=404, detail="There is nothing at this address.", code="not_found")


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF token is missing or old."""
    detail = "The form is too old or came from elsewhere; reload the page and try again."
    return _plain(request, status=403, detail=detail, code="csrf_failed")


def locked_out(
    request: HttpRequest, original: HttpResponse | None, _credentials: dict[str, Any]
) -> HttpResponse:
    """Answer at a door that too many failed logins closed; a view that said so itself is heard."""
    too_many = HTTPStatus.TOO_MANY_REQUESTS
    if original is not None and original.status_code == too_many:
        return original
    detail = "Too many failed logins; wait before you try again."
    response = _plain(request, status=too_many, detail=detail, code="too_many_failures")
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME * 3600))
    return response


def _plain(request: HttpRequest, *, status: int, detail: str, code: str) -> HttpResponse:
    """Return a problem document under /api, a page elsewhere; neither needs the database."""
    document = problem(status=status, detail=detail, code=code)
    if request.path.startswith("/api/"):
        return HttpResponse(orjson.dumps(document), status=status, content_type=PROBLEM_JSON)
    return render(request, "helpdesk/problem.html", {"problem": document}, status=status)
