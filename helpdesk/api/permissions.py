"""Authorization: every view names the right each method needs; what is not named is refused."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from helpdesk.access import Right, has_right

Rights = dict[str, Right]


class MayUseRoute(BasePermission):
    """
    Deny by default: a method that a view serves without naming its right is closed to everybody.

    A method that no view serves is told apart (405), but only to those who may look at all.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        rights: Rights = getattr(view, "rights", {})
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        if method not in rights:
            is_served = hasattr(view, method.lower()) and request.method != "OPTIONS"
            return not is_served and has_right(request.user, Right.READ)
        return has_right(request.user, rights[method])
