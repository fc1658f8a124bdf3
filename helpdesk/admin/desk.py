"""The desk itself: its settings, its numbers and its canaries."""

from __future__ import annotations

from django.contrib import admin

from helpdesk.admin.base import DeskAdmin
from helpdesk.models import Canary, DailyMetric, Setting, SettingsVersion


@admin.register(Setting)
class SettingAdmin(DeskAdmin):
    """What differs from the defaults; changed through `PATCH /api/v1/settings`."""

    list_display = ("key", "value", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    ordering = ("key",)


@admin.register(SettingsVersion)
class SettingsVersionAdmin(DeskAdmin):
    list_display = ("id", "version")
    ordering = ("id",)


@admin.register(DailyMetric)
class DailyMetricAdmin(DeskAdmin):
    list_display = (
        "date", "tickets_created", "tickets_resolved", "messages_in", "messages_out",
        "messages_failed", "first_response_p50_seconds", "resolution_p50_seconds",
    )  # fmt: skip
    ordering = ("-date",)


@admin.register(Canary)
class CanaryAdmin(DeskAdmin):
    list_display = ("queue", "due_at", "started_at")
    ordering = ("queue",)
