"""How those who work here are signed in, and what they did."""

from __future__ import annotations

from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import Group

from helpdesk.admin.base import DeskAdmin, whole
from helpdesk.models import AuditEntry, RefreshToken, SocketTicket

admin.site.unregister(Group)  # roles decide here, groups never


@admin.register(AuditEntry)
class AuditEntryAdmin(DeskAdmin):
    list_display = ("created_at", "action", "actor_email", "target_type", "target_id", "ip")
    search_by = {"id": whole}
    search_help_text = "The number of the entry."
    ordering = ("-created_at", "-id")


@admin.register(RefreshToken)
class RefreshTokenAdmin(DeskAdmin):
    list_display = ("jti", "user", "created_at", "expires_at", "used_at", "revoked_at")
    list_select_related = ("user",)
    search_by = {"jti": UUID, "family": UUID, "user_id": whole}
    ordering = ("jti",)


@admin.register(SocketTicket)
class SocketTicketAdmin(DeskAdmin):
    list_display = ("__str__", "user", "expires_at")
    list_select_related = ("user",)
    exclude = ("digest",)
    search_by = {"user_id": whole}
    ordering = ("expires_at", "digest")
