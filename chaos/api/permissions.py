"""Who may use the chaos API."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from chaos import guard


class MayInject(BasePermission):
    """Whoever `settings.CHAOS["MAY_INJECT"]` names, to read as well as to write."""

    message = "Only an owner may use chaos."

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        return user.is_authenticated and guard.may_inject(user)
