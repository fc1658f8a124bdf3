"""What all pages of chaos share in the admin."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin

from chaos import guard


class ReadOnlyAdmin(ModelAdmin):
    """Staff may look; there is no form to write with."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return guard.may_act() and request.user.is_active and request.user.is_staff

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
