"""The door through which the message provider reports; its signature is its only credential."""

from __future__ import annotations

import time

import orjson
from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk.api import serializers as shapes
from helpdesk.api.views.base import ApiView
from helpdesk.provider.signing import verify
from helpdesk.services import provider_events

_MAX_ID_CHARS = 100


class ProviderWebhookView(ApiView):
    """Take one signed event of the provider: store it once, acknowledge, act on it later."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        tags=["webhooks"],
        request={"application/json": {"type": "object"}},
        responses={200: None, 400: shapes.ProblemOut, 401: shapes.ProblemOut},
    )
    def post(self, request: Request) -> Response:
        raw = request._request.body  # noqa: SLF001 - signatures are over the bytes, before parsing
        webhook_id = request.headers.get("webhook-id", "")
        _check(request, webhook_id, raw)
        try:
            payload = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ValidationError({"body": ["This is not JSON."]}) from error
        if not isinstance(payload, dict) or len(webhook_id) > _MAX_ID_CHARS:
            raise ValidationError({"body": ["An event is a JSON object with a short webhook-id."]})
        provider_events.store(webhook_id=webhook_id, payload=payload, now=timezone.now())
        return Response(status=200)


def _check(request: Request, webhook_id: str, raw: bytes) -> None:
    verify(
        secrets=settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"],
        webhook_id=webhook_id,
        timestamp=request.headers.get("webhook-timestamp", ""),
        signature=request.headers.get("webhook-signature", ""),
        body=raw,
        now=time.time(),
    )
