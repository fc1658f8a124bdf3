"""Messages that gave up, and a second chance for them."""

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
from helpdesk.selectors import dead_letters as reads
from helpdesk.services import dead_letters

_TAGS = ["dead letters"]
_REFUSALS = {401: problems.ProblemOut, 403: problems.ProblemOut}


class DeadLetterListView(ApiView):
    """
    What gave up, why and after how many attempts, newest first.

    Those that wait for a re-drive; `?state=redriven` or `?state=all` shows the others too.
    """

    rights = {"GET": Right.READ}

    @extend_schema(
        operation_id="dead_letters_list",
        tags=_TAGS,
        parameters=[shapes.DeadLetterQuery],
        responses={200: shapes.DeadLetterPageOut, 400: problems.ProblemOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(shapes.DeadLetterQuery, request.query_params)
        page = reads.list_newest(**query)
        return paging.respond(request, page.rows, cursor=page.next_cursor)


class DeadLetterRedriveView(ApiView):
    """Queue the message anew, under its old key. Asked twice, it acts once."""

    rights = {"POST": Right.MANAGE}

    @extend_schema(
        tags=_TAGS,
        request=None,
        responses={200: shapes.DeadLetterOut, **_REFUSALS, 404: problems.ProblemOut},
    )
    def post(self, request: Request, dead_letter_id: int) -> Response:
        dead_letters.redrive(
            dead_letter_id=dead_letter_id,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(reads.get_one(dead_letter_id=dead_letter_id))
