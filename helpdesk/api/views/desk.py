"""The desk as a whole: its dashboard and its settings."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import serializers as common
from helpdesk.api.shapes import desk as shapes
from helpdesk.api.views.base import ApiView, client_ip, signed_in
from helpdesk.selectors import dashboard
from helpdesk.selectors import settings as reads
from helpdesk.services import settings

_TAGS = ["desk"]
_REFUSALS = {401: common.ProblemOut, 403: common.ProblemOut}


class DashboardView(ApiView):
    """
    The desk at a glance: what waits, today's numbers, response times and campaigns under way.

    At most 15 seconds old. Times in `first_response` and `resolution` say from how many tickets
    they were counted; `days` holds the numbers of each of the last 30 days for charts.
    """

    rights = {"GET": Right.READ}

    @extend_schema(tags=_TAGS, responses={200: shapes.DashboardOut, **_REFUSALS})
    def get(self, _request: Request) -> Response:
        return Response(dashboard.show(now=timezone.now()))


class SettingsView(ApiView):
    """What managers may change while the desk runs; a change is seen at once everywhere."""

    rights = {"GET": Right.MANAGE, "PATCH": Right.MANAGE}

    @extend_schema(tags=_TAGS, responses={200: shapes.SettingsOut, **_REFUSALS})
    def get(self, _request: Request) -> Response:
        return Response(reads.current())

    @extend_schema(
        tags=_TAGS,
        request=shapes.SettingsIn,
        responses={200: shapes.SettingsOut, 400: common.ProblemOut, **_REFUSALS},
        examples=[
            OpenApiExample("Close sooner", value={"auto_close_after_days": 7}, request_only=True)
        ],
    )
    def patch(self, request: Request) -> Response:
        body = shapes.SettingsIn(data=request.data)
        body.is_valid(raise_exception=True)
        changed = settings.change(
            changes=dict(body.validated_data),
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(changed)
