"""The people who work here, and what they did."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import paging
from helpdesk.api import serializers as problems
from helpdesk.api.shapes import people as shapes
from helpdesk.api.views.base import ApiView, client_ip, signed_in
from helpdesk.selectors import audit
from helpdesk.selectors import users as reads
from helpdesk.services import users

_REFUSALS = {400: problems.ProblemOut, 401: problems.ProblemOut, 403: problems.ProblemOut}


class UserListView(ApiView):
    """The people who work here, in the order they came. Only an OWNER makes an OWNER."""

    rights = {"GET": Right.MANAGE, "POST": Right.MANAGE}

    @extend_schema(
        operation_id="users_list",
        tags=["users"],
        parameters=[problems.PageQuery],
        responses={200: shapes.StaffPageOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(problems.PageQuery, request.query_params)
        page = reads.list_by_id(cursor=query["cursor"], limit=query["limit"])
        return paging.respond(request, page.rows, cursor=page.next_cursor)

    @extend_schema(
        tags=["users"], request=shapes.UserIn, responses={201: shapes.StaffOut, **_REFUSALS}
    )
    def post(self, request: Request) -> Response:
        body = shapes.UserIn(data=request.data)
        body.is_valid(raise_exception=True)
        user = users.create(
            **body.validated_data,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(reads.shape(user), status=201)


class UserView(ApiView):
    """
    Change one of the people who work here.

    Only an OWNER changes an OWNER; nobody changes their own role or deactivates themselves.
    Losing rights, a deactivation and a new password revoke every refresh token of that user.
    """

    rights = {"PATCH": Right.MANAGE}

    @extend_schema(
        tags=["users"],
        request=shapes.UserChanges,
        responses={200: shapes.StaffOut, **_REFUSALS, 404: problems.ProblemOut},
    )
    def patch(self, request: Request, user_id: int) -> Response:
        body = shapes.UserChanges(data=request.data)
        body.is_valid(raise_exception=True)
        user = users.change(
            user_id=user_id,
            changes=body.validated_data,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(reads.shape(user))


class AuditLogView(ApiView):
    """What people did, newest first: who, what, to which row, from where and in which trace."""

    rights = {"GET": Right.MANAGE}

    @extend_schema(
        operation_id="audit_log_list",
        tags=["audit log"],
        parameters=[shapes.AuditQuery],
        responses={200: shapes.AuditPageOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(shapes.AuditQuery, request.query_params)
        page = audit.list_newest(**query)
        return paging.respond(request, page.rows, cursor=page.next_cursor)
