"""Campaigns: lists, one campaign, its recipients and its moves."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import paging
from helpdesk.api.serializers import ProblemOut
from helpdesk.api.shapes import campaigns as shapes
from helpdesk.api.views.base import ApiView, client_ip, signed_in
from helpdesk.selectors import campaigns as reads
from helpdesk.services import campaigns

_TAGS = ["campaigns"]
_REFUSALS = {400: ProblemOut, 401: ProblemOut, 403: ProblemOut}
_NOT_FOUND = {404: ProblemOut}


class CampaignListView(ApiView):
    """
    Campaigns, newest first.

    A POST drafts one: `audience` takes `channel` and optionally `tag`, `q` and `limit`. Nobody is
    written to before `start`.
    """

    rights = {"GET": Right.READ, "POST": Right.MANAGE}

    @extend_schema(
        operation_id="campaigns_list",
        tags=_TAGS,
        parameters=[shapes.CampaignQuery],
        responses={200: shapes.CampaignPageOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(shapes.CampaignQuery, request.query_params)
        page = reads.list_newest(
            statuses=query["status"], cursor=query["cursor"], limit=query["limit"]
        )
        return paging.respond(request, page.rows, cursor=page.next_cursor)

    @extend_schema(
        tags=_TAGS, request=shapes.CampaignIn, responses={201: shapes.CampaignOut, **_REFUSALS}
    )
    def post(self, request: Request) -> Response:
        body = shapes.CampaignIn(data=request.data)
        body.is_valid(raise_exception=True)
        campaign = campaigns.create(
            **body.validated_data,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(campaign, status=201)


class CampaignView(ApiView):
    """One campaign, with how far it is."""

    rights = {"GET": Right.READ}

    @extend_schema(
        tags=_TAGS,
        responses={200: shapes.CampaignOut, 401: ProblemOut, 403: ProblemOut, **_NOT_FOUND},
    )
    def get(self, _request: Request, campaign_id: int) -> Response:
        return Response(reads.get_one(campaign_id=campaign_id))


class RecipientListView(ApiView):
    """The recipients of a campaign, in the order they were written down; filter by `status`."""

    rights = {"GET": Right.READ}

    @extend_schema(
        tags=_TAGS,
        parameters=[shapes.RecipientQuery],
        responses={200: shapes.RecipientPageOut, **_REFUSALS, **_NOT_FOUND},
    )
    def get(self, request: Request, campaign_id: int) -> Response:
        query = paging.parse(shapes.RecipientQuery, request.query_params)
        page = reads.list_recipients(
            campaign_id=campaign_id,
            statuses=query["status"],
            cursor=query["cursor"],
            limit=query["limit"],
        )
        return paging.respond(request, page.rows, cursor=page.next_cursor)


class _MoveView(ApiView):
    """One move; 409 `invalid_transition` when the campaign's status forbids it."""

    rights = {"POST": Right.MANAGE}
    action: ClassVar[str]

    @extend_schema(
        tags=_TAGS,
        request=None,
        responses={
            200: shapes.CampaignOut,
            401: ProblemOut,
            403: ProblemOut,
            409: ProblemOut,
            **_NOT_FOUND,
        },
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        campaign = campaigns.move(
            campaign_id=campaign_id,
            action=self.action,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(campaign)


class CampaignStartView(_MoveView):
    """Write the audience of a draft down, once, and begin to send."""

    action = campaigns.START


class CampaignPauseView(_MoveView):
    """Stop sending, within a second: only calls that are in the air end."""

    action = campaigns.PAUSE


class CampaignResumeView(_MoveView):
    """Go on where it was paused; the share of failed attempts is counted anew."""

    action = campaigns.RESUME


class CampaignCancelView(_MoveView):
    """End it: whoever still waits is skipped."""

    action = campaigns.CANCEL


class CampaignRetryFailedView(_MoveView):
    """Queue those who failed again, with their keys; a finished campaign runs again."""

    action = campaigns.RETRY_FAILED
