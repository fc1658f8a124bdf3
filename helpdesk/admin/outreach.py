"""Campaigns and their recipients."""

from __future__ import annotations

from functools import partial
from typing import cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from helpdesk.admin.base import DeskAdmin
from helpdesk.models import Campaign, CampaignRecipient, User
from helpdesk.services import campaigns


@admin.register(Campaign)
class CampaignAdmin(DeskAdmin):
    list_display = ("name", "channel", "status", "created_by", "created_at", "started_at")
    list_filter = ("status", "channel")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    search_by = {"name__icontains": str}  # there are few
    ordering = ("-id",)
    actions = ("start", "pause", "resume", "cancel", "retry_failed")

    @action(description="Start", permissions=["manage"])
    def start(self, request: HttpRequest, chosen: QuerySet[Campaign]) -> None:
        self._move(request, chosen, "start")

    @action(description="Pause", permissions=["manage"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Campaign]) -> None:
        self._move(request, chosen, "pause")

    @action(description="Resume", permissions=["manage"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Campaign]) -> None:
        self._move(request, chosen, "resume")

    @action(description="Cancel", permissions=["manage"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Campaign]) -> None:
        self._move(request, chosen, "cancel")

    @action(description="Try the failed ones again", permissions=["manage"])
    def retry_failed(self, request: HttpRequest, chosen: QuerySet[Campaign]) -> None:
        self._move(request, chosen, "retry-failed")

    def _move(self, request: HttpRequest, chosen: QuerySet[Campaign], name: str) -> None:
        move = partial(
            campaigns.move,
            action=name,
            actor=cast("User", request.user),
            request_ip=request.META.get("REMOTE_ADDR"),
            now=timezone.now(),
        )
        self.do_each(request, chosen, lambda key: move(campaign_id=key))


@admin.register(CampaignRecipient)
class CampaignRecipientAdmin(DeskAdmin):
    list_display = ("campaign", "contact", "status", "sent_at", "delivered_at", "error")
    list_filter = ("status", ("campaign", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("campaign", "contact")
    search_by = {"key": UUID}
    search_help_text = "The key that the provider saw."
    ordering = ("-id",)
