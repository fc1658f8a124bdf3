"""Messages, attachments and the journal."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import paging
from helpdesk.api import serializers as shapes
from helpdesk.api.views.base import ApiView, signed_in
from helpdesk.models import Attachment
from helpdesk.selectors import events as journal
from helpdesk.selectors import messages as reads
from helpdesk.selectors import tickets as ticket_reads
from helpdesk.selectors.keyset import FOREIGN, BadCursor
from helpdesk.services import attachments, messages

_REFUSALS = {400: shapes.ProblemOut, 401: shapes.ProblemOut, 403: shapes.ProblemOut}
_NOT_FOUND = {404: shapes.ProblemOut}
_MAX_KEY_CHARS = 255
_MAX_SEQ_DIGITS = 9  # of an integer column


class MessageListView(ApiView):
    """
    The messages of a ticket, in the order of the conversation (`seq`).

    `after` continues behind a `seq`. A POST with an `Idempotency-Key` may be repeated safely: the
    message is made once, later answers carry `Idempotent-Replay: true`.
    """

    rights = {"GET": Right.READ, "POST": Right.WRITE}

    @extend_schema(
        tags=["messages"],
        parameters=[shapes.MessageQuery],
        responses={200: shapes.MessagePageOut, **_REFUSALS, **_NOT_FOUND},
    )
    def get(self, request: Request, ticket_id: int) -> Response:
        query = paging.parse(shapes.MessageQuery, request.query_params)
        _require_ticket(ticket_id)
        after = _position(query["cursor"]) if query["cursor"] else query["after"]
        page = reads.list_of_ticket(ticket_id=ticket_id, after=after, limit=query["limit"])
        return paging.respond(request, page.rows, cursor=page.next_cursor)

    @extend_schema(
        tags=["messages"],
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        request=shapes.MessageIn,
        responses={
            200: shapes.MessageOut,
            201: shapes.MessageOut,
            **_REFUSALS,
            **_NOT_FOUND,
            409: shapes.ProblemOut,
            422: shapes.ProblemOut,
        },
    )
    def post(self, request: Request, ticket_id: int) -> Response:
        body = shapes.MessageIn(data=request.data)
        body.is_valid(raise_exception=True)
        answer = messages.send(
            ticket_id=ticket_id,
            author=signed_in(request),
            draft=_draft(body.validated_data),
            idempotency_key=_idempotency_key(request),
            now=timezone.now(),
        )
        headers = {"Idempotent-Replay": "true"} if answer.is_replay else {}
        return Response(answer.message, status=200 if answer.is_replay else 201, headers=headers)


def _position(cursor: str) -> int:
    if cursor.isascii() and cursor.isdigit() and len(cursor) <= _MAX_SEQ_DIGITS:
        return int(cursor)
    raise BadCursor(FOREIGN)


def _draft(data: dict[str, Any]) -> messages.Draft:
    return messages.Draft(
        body=data["body"], kind=data["kind"], attachment_ids=tuple(data["attachments"])
    )


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > _MAX_KEY_CHARS:
        raise ValidationError({"Idempotency-Key": [f"At most {_MAX_KEY_CHARS} characters."]})
    return key


def _require_ticket(ticket_id: int) -> None:
    if ticket_reads.head_seq(ticket_id=ticket_id) is None:
        raise ticket_reads.TicketNotFound(f"There is no ticket {ticket_id}.")


class AttachmentListView(ApiView):
    """Upload a file, to be named in the `attachments` of a message."""

    rights = {"POST": Right.WRITE}
    parser_classes = [MultiPartParser]

    @extend_schema(
        tags=["messages"],
        request={"multipart/form-data": shapes.UploadIn},
        responses={201: shapes.AttachmentOut, **_REFUSALS, 413: shapes.ProblemOut},
    )
    def post(self, request: Request) -> Response:
        body = shapes.UploadIn(data=request.data)
        body.is_valid(raise_exception=True)
        attachment = attachments.upload(
            file=body.validated_data["file"], user=signed_in(request), now=timezone.now()
        )
        return Response(reads.attachment_shape(attachment), status=201)


class AttachmentView(ApiView):
    """Download a file. Browsers are told to save it, never to show or guess it."""

    rights = {"GET": Right.READ}

    @extend_schema(
        tags=["messages"],
        responses={(200, "*/*"): OpenApiTypes.BINARY, **_NOT_FOUND},
    )
    def get(self, _request: Request, attachment_id: int) -> FileResponse:
        attachment = get_object_or_404(Attachment, pk=attachment_id)
        try:
            content = attachment.file.open("rb")
        except FileNotFoundError as error:  # restored without its files, say
            raise NotFound("The file of this attachment is gone.") from error
        response = FileResponse(
            content,
            as_attachment=True,
            filename=attachment.filename,
            content_type=attachment.content_type,
        )
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response


class EventListView(ApiView):
    """
    The WebSocket feeds over HTTP.

    With `ticket`, the events of one ticket after the `seq` in `after`; without, those of all
    tickets after the opaque `cursor` in `after`, in an order that never skips a late commit.
    """

    rights = {"GET": Right.READ}

    @extend_schema(
        tags=["events"],
        parameters=[shapes.EventQuery],
        responses={200: shapes.EventPageOut, **_REFUSALS, **_NOT_FOUND},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(shapes.EventQuery, request.query_params)
        limit = query["limit"]
        if "ticket" in query:
            _require_ticket(query["ticket"])
            frames = journal.list_of_ticket(
                ticket_id=query["ticket"], after=_seq(query["after"]), limit=limit
            )
        else:
            frames = journal.list_all(after=query["after"], limit=limit)
        last = frames[-1] if len(frames) == limit else None
        position = None if last is None else str(last["seq" if "ticket" in query else "cursor"])
        return paging.respond(request, frames, after=position)


def _seq(raw: str) -> int:
    if raw and not (raw.isascii() and raw.isdigit() and len(raw) <= _MAX_SEQ_DIGITS):
        raise ValidationError({"after": ["With `ticket`, this is a `seq`: a whole number."]})
    return int(raw or 0)
