"""Those who are told by webhook, and how that went."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from helpdesk.admin.base import DeskAdmin, whole
from helpdesk.models import WebhookDelivery, WebhookEndpoint
from helpdesk.services import webhooks

_STATUS_COLOURS = {"pending": "warning", "delivered": "success", "failed": "danger"}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(DeskAdmin):
    """Endpoints are made over the API, which shows their secret once."""

    list_display = (
        "url", "description", "is_active", "disabled_reason", "failing_since", "created_at",
    )  # fmt: skip
    list_filter = ("is_active",)
    search_fields = ("url",)
    search_by = {"url__icontains": str}  # there are few
    exclude = ("secret",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # as Django 6 does
    ordering = ("-id",)
    actions = ("send_test", "enable")

    @action(description="Send test", permissions=["manage"])
    def send_test(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> None:
        send = partial(webhooks.send_test, **_by(request))
        self.do_each(request, chosen, lambda key: send(endpoint_id=key))

    @action(description="Enable again", permissions=["manage"])
    def enable(self, request: HttpRequest, chosen: QuerySet[WebhookEndpoint]) -> None:
        enable = partial(webhooks.enable, **_by(request))
        self.do_each(request, chosen, lambda key: enable(endpoint_id=key))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(DeskAdmin):
    list_display = (
        "event_type", "endpoint", "status_badge", "attempts", "response_status", "latency_ms",
        "created_at", "next_attempt_at", "error",
    )  # fmt: skip
    list_filter = ("status", ("endpoint", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("endpoint",)
    search_by = {"key": UUID, "id": whole}
    search_help_text = "The webhook-id that the receiver saw."
    ordering = ("-id",)
    actions = ("send_again",)

    @display(description="status", label=_STATUS_COLOURS)
    def status_badge(self, delivery: WebhookDelivery) -> str:
        return delivery.status

    @action(description="Send again", permissions=["manage"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[WebhookDelivery]) -> None:
        send = partial(webhooks.send_again, **_by(request))
        self.do_each(request, chosen, lambda key: send(delivery_id=key))


def _by(request: HttpRequest) -> dict[str, Any]:
    return {
        "actor": request.user,
        "request_ip": request.META.get("REMOTE_ADDR"),
        "now": timezone.now(),
    }
