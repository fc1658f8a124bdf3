"""Tickets: lists, one ticket, changes and moves."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import paging
from helpdesk.api import serializers as shapes
from helpdesk.api.views.base import ApiView, client_ip, signed_in
from helpdesk.models import Ticket
from helpdesk.selectors import tickets as reads
from helpdesk.selectors.ticket_pages import TicketFilter
from helpdesk.services import messages, tickets

_TAGS = ["tickets"]
_REFUSALS = {400: shapes.ProblemOut, 401: shapes.ProblemOut, 403: shapes.ProblemOut}
_NOT_FOUND = {404: shapes.ProblemOut}


def _etag(version: int) -> str:
    return f'"{version}"'


def _answer(ticket: Ticket, *, status: int = 200) -> Response:
    shaped = reads.shape(reads.row_of(ticket))
    return Response(shaped, status=status, headers={"ETag": _etag(ticket.version)})


class TicketListView(ApiView):
    """
    Tickets, newest activity first.

    Filter by `status`, `priority`, `channel` (each may be given several times or with commas),
    `assignee` (`me`, `none` or an id), `tag`, and `q` (words of the subject, or a number).
    `next` leads to the page after this one.
    """

    rights = {"GET": Right.READ, "POST": Right.WRITE}

    @extend_schema(
        operation_id="tickets_list",
        tags=_TAGS,
        parameters=[shapes.TicketQuery],
        responses={200: shapes.TicketPageOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(shapes.TicketQuery, request.query_params)
        wanted = TicketFilter(
            status=tuple(query["status"]),
            priority=tuple(query["priority"]),
            channel=tuple(query["channel"]),
            assignee=_assignee(query["assignee"], request),
            tag=query["tag"],
            q=query["q"],
        )
        page = reads.list_newest(wanted=wanted, cursor=query["cursor"], limit=query["limit"])
        return paging.respond(request, page.rows, cursor=page.next_cursor)

    @extend_schema(
        tags=_TAGS, request=shapes.TicketIn, responses={201: shapes.TicketOut, **_REFUSALS}
    )
    def post(self, request: Request) -> Response:
        body = shapes.TicketIn(data=request.data)
        body.is_valid(raise_exception=True)
        ticket = messages.open_conversation(**body.validated_data, now=timezone.now())
        return _answer(ticket, status=201)


def _assignee(raw: str, request: Request) -> int | None:
    if not raw:
        return None
    named: dict[str, Any] = {"me": request.user.pk, "none": 0}
    return int(named.get(raw, raw))


class TicketView(ApiView):
    """One ticket. Send the `ETag` you read as `If-Match` so that no change of others is lost."""

    rights = {"GET": Right.READ, "PATCH": Right.WRITE}

    def form_values(self, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "assignee": (data.get("assignee") or {}).get("id")}

    @extend_schema(
        tags=_TAGS, responses={200: shapes.TicketOut, 401: shapes.ProblemOut, **_NOT_FOUND}
    )
    def get(self, _request: Request, ticket_id: int) -> Response:
        row = reads.get_one(ticket_id=ticket_id)
        return Response(reads.shape(row), headers={"ETag": _etag(row["version"])})

    @extend_schema(
        tags=_TAGS,
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER)],
        request=shapes.TicketChanges,
        responses={200: shapes.TicketOut, **_REFUSALS, **_NOT_FOUND, 412: shapes.ProblemOut},
    )
    def patch(self, request: Request, ticket_id: int) -> Response:
        body = shapes.TicketChanges(data=request.data)
        body.is_valid(raise_exception=True)
        ticket = tickets.change(
            ticket_id=ticket_id,
            changes=body.validated_data,
            version=_version(request.headers.get("If-Match", "")),
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return _answer(ticket)


def _version(if_match: str) -> int | None:
    """Return the version an `If-Match` header names; one that never was is simply stale."""
    tag = if_match.strip().removeprefix("W/").strip('"')
    if not tag or tag == "*":
        return None
    return int(tag) if tag.isascii() and tag.isdigit() else -1


class TicketMoveView(ApiView):
    """Move a ticket to another status."""

    rights = {"POST": Right.WRITE}

    @extend_schema(
        tags=_TAGS,
        request=shapes.MoveIn,
        responses={200: shapes.TicketOut, **_REFUSALS, **_NOT_FOUND, 409: shapes.ProblemOut},
    )
    def post(self, request: Request, ticket_id: int) -> Response:
        body = shapes.MoveIn(data=request.data)
        body.is_valid(raise_exception=True)
        ticket = tickets.move(
            ticket_id=ticket_id,
            **body.validated_data,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return _answer(ticket)
