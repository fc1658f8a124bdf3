"""Answers to the reusable apps' questions who may do what, in helpdesk's roles."""

from __future__ import annotations

from typing import Any

from helpdesk.access import Right, has_right


def may_manage(user: Any) -> bool:
    """Tell whether `user` may edit objectives (see `settings.SLO["MAY_EDIT"]`)."""
    return has_right(user, Right.MANAGE)
