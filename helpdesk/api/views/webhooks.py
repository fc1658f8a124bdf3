"""Webhook endpoints: who is told of what happens here, and how that went."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.access import Right
from helpdesk.api import paging
from helpdesk.api.serializers import PageQuery, ProblemOut
from helpdesk.api.shapes import webhooks as shapes
from helpdesk.api.views.base import ApiView, client_ip, signed_in
from helpdesk.provider.egress import get_egress
from helpdesk.selectors import webhooks as reads
from helpdesk.services import webhooks

_TAGS = ["webhook endpoints"]
_REFUSALS = {401: ProblemOut, 403: ProblemOut}
_NOT_FOUND = {404: ProblemOut}


class WebhookEndpointListView(ApiView):
    """
    Those who are told by webhook, newest first.

    Each event is posted as `{"type","timestamp","ticket","seq","data"}`, signed per Standard
    Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`) with the `secret` that only
    the answer to the POST shows. Anything but 2xx is tried again for about three days; 410 ends it.
    Order is not promised: sort by `seq`, and know repeats by `webhook-id`.
    """

    rights = {"GET": Right.MANAGE, "POST": Right.MANAGE}

    @extend_schema(
        operation_id="webhook_endpoints_list",
        tags=_TAGS,
        parameters=[PageQuery],
        responses={200: shapes.WebhookEndpointPageOut, 400: ProblemOut, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        query = paging.parse(PageQuery, request.query_params)
        page = reads.list_endpoints(**query)
        return paging.respond(request, page.rows, cursor=page.next_cursor)

    @extend_schema(
        operation_id="webhook_endpoints_create",
        tags=_TAGS,
        request=shapes.WebhookEndpointIn,
        responses={
            201: shapes.NewWebhookEndpointOut,
            400: ProblemOut,
            **_REFUSALS,
            409: ProblemOut,
        },
    )
    def post(self, request: Request) -> Response:
        body = shapes.WebhookEndpointIn(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = webhooks.create(
            **body.validated_data,
            egress=get_egress(),
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        shaped = {**reads.endpoint_shape(endpoint), "secret": endpoint.secret}
        return Response(shaped, status=201)


class WebhookEndpointView(ApiView):
    """Delete an endpoint with its log; what waits for it is not delivered."""

    rights = {"DELETE": Right.MANAGE}

    @extend_schema(
        operation_id="webhook_endpoints_delete",
        tags=_TAGS,
        responses={204: None, **_REFUSALS, **_NOT_FOUND},
    )
    def delete(self, request: Request, endpoint_id: int) -> Response:
        webhooks.delete(
            endpoint_id=endpoint_id,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(status=204)


class WebhookEndpointTestView(ApiView):
    """Send `webhook.test` to an endpoint; the log tells what came of it."""

    rights = {"POST": Right.MANAGE}

    @extend_schema(
        operation_id="webhook_endpoints_test",
        tags=_TAGS,
        request=None,
        responses={
            202: shapes.WebhookDeliveryOut,
            **_REFUSALS,
            **_NOT_FOUND,
            409: ProblemOut,
        },
    )
    def post(self, request: Request, endpoint_id: int) -> Response:
        delivery = webhooks.send_test(
            endpoint_id=endpoint_id,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
        return Response(reads.delivery_shape(delivery), status=202)


class WebhookDeliveryListView(ApiView):
    """What was sent to an endpoint, newest first; kept for 30 days."""

    rights = {"GET": Right.MANAGE}

    @extend_schema(
        operation_id="webhook_deliveries_list",
        tags=_TAGS,
        parameters=[PageQuery],
        responses={
            200: shapes.WebhookDeliveryPageOut,
            400: ProblemOut,
            **_REFUSALS,
            **_NOT_FOUND,
        },
    )
    def get(self, request: Request, endpoint_id: int) -> Response:
        query = paging.parse(PageQuery, request.query_params)
        page = reads.list_deliveries(endpoint_id=endpoint_id, **query)
        return paging.respond(request, page.rows, cursor=page.next_cursor)
