"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import serializers as shapes
from helpdesk.api.views.base import ApiView, signed_in
from helpdesk.models import SocketTicket, User
from helpdesk.services import accounts

_TAGS = ["auth"]


def describe(user: User) -> dict[str, Any]:
    return {"id": user.pk, "email": user.email, "name": user.name, "role": user.role}


class LoginView(ApiView):
    """Exchange e-mail and password for tokens."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        tags=_TAGS,
        request=shapes.LoginIn,
        responses={
            200: shapes.LoginOut,
            400: shapes.ProblemOut,
            401: shapes.ProblemOut,
            429: shapes.ProblemOut,
        },
    )
    def post(self, request: Request) -> Response:
        body = shapes.LoginIn(data=request.data)
        body.is_valid(raise_exception=True)
        user = accounts.log_in(request=request._request, **body.validated_data)  # noqa: SLF001 - axes wants Django's own
        tokens = accounts.issue_tokens(user=user, now=timezone.now())
        return Response(
            {"access": tokens.access, "refresh": tokens.refresh, "user": describe(user)}
        )


class RefreshView(ApiView):
    """Exchange a refresh token for new tokens; the old one is used up."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        tags=_TAGS,
        request=shapes.RefreshIn,
        responses={200: shapes.TokensOut, 400: shapes.ProblemOut, 401: shapes.ProblemOut},
    )
    def post(self, request: Request) -> Response:
        body = shapes.RefreshIn(data=request.data)
        body.is_valid(raise_exception=True)
        tokens = accounts.refresh_tokens(**body.validated_data, now=timezone.now())
        return Response({"access": tokens.access, "refresh": tokens.refresh})


class LogoutView(ApiView):
    """End the login that a refresh token belongs to."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        tags=_TAGS,
        request=shapes.RefreshIn,
        responses={204: None, 400: shapes.ProblemOut, 401: shapes.ProblemOut},
    )
    def post(self, request: Request) -> Response:
        body = shapes.RefreshIn(data=request.data)
        body.is_valid(raise_exception=True)
        accounts.log_out(**body.validated_data, now=timezone.now())
        return Response(status=204)


class MeView(ApiView):
    """Who you are."""

    rights = {"GET": Right.READ}

    @extend_schema(tags=_TAGS, responses={200: shapes.UserOut, 401: shapes.ProblemOut})
    def get(self, request: Request) -> Response:
        return Response(describe(signed_in(request)))


class SocketTicketView(ApiView):
    """Get a single-use ticket that opens a WebSocket within 30 seconds."""

    rights = {"POST": Right.READ}

    @extend_schema(
        tags=_TAGS, request=None, responses={201: shapes.SocketTicketOut, 401: shapes.ProblemOut}
    )
    def post(self, request: Request) -> Response:
        ticket = accounts.issue_socket_ticket(user=signed_in(request), now=timezone.now())
        answer = {"ticket": ticket, "expires_in": SocketTicket.LIFETIME_SECONDS}
        return Response(answer, status=201)
