"""Shapes of webhook endpoints and of the log of their deliveries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from helpdesk import events as frames
from helpdesk.api.serializers import PersonOut, StrictSerializer
from helpdesk.models import WebhookDelivery
from helpdesk.provider.egress import MAX_URL_CHARS

_EVENTS = [(name, name) for name in frames.FOR_WEBHOOKS]


class WebhookEndpointIn(StrictSerializer):
    url = serializers.CharField(
        max_length=MAX_URL_CHARS,
        help_text="https, port 443 or 8443, on the public internet.",
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=_EVENTS),
        allow_empty=False,
        default=list(frames.FOR_WEBHOOKS),
        help_text="What to tell; everything if left out.",
    )
    description = serializers.CharField(max_length=200, default="", allow_blank=True)


class WebhookEndpointOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    url = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    events = serializers.ListField(child=serializers.ChoiceField(choices=_EVENTS))
    is_active = serializers.BooleanField()
    disabled_reason = serializers.CharField(allow_null=True)
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Nothing was delivered since; after 5 days we stop trying."
    )
    created_by = PersonOut(allow_null=True)
    created_at = serializers.DateTimeField()


class NewWebhookEndpointOut(WebhookEndpointOut):
    secret = serializers.CharField(help_text="Verifies every delivery; shown this once.")


class WebhookEndpointPageOut(serializers.Serializer[Any]):
    results = WebhookEndpointOut(many=True)
    next = serializers.URLField(allow_null=True)


class WebhookDeliveryOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    webhook_id = serializers.UUIDField(
        help_text="The `webhook-id` header: the same at each attempt."
    )
    event = serializers.ChoiceField(choices=_EVENTS)
    status = serializers.ChoiceField(choices=WebhookDelivery.Status.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    response_status = serializers.IntegerField(
        allow_null=True, help_text="Of the last attempt; null if no answer arrived."
    )
    latency_ms = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    trace_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class WebhookDeliveryPageOut(serializers.Serializer[Any]):
    results = WebhookDeliveryOut(many=True)
    next = serializers.URLField(allow_null=True)
