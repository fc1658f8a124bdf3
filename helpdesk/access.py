"""Who may do what: roles as data. Every route names one of these rights."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final


class Role(StrEnum):
    OWNER = "OWNER"
    ADMIN = "ADMIN"
    AGENT = "AGENT"
    VIEWER = "VIEWER"


class Right(StrEnum):
    """A thing that a role may be allowed to do."""

    READ = "read"  # tickets, messages, attachments, events, campaigns, dashboard, SLOs
    WRITE = "write"  # tickets, messages, attachments
    MANAGE = "manage"  # users, audit log, settings, webhooks, campaign moves, re-drive
    INJECT = "inject"  # faults


ALLOWED: Final[dict[Role, frozenset[Right]]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: frozenset({Right.READ, Right.WRITE, Right.MANAGE}),
    Role.AGENT: frozenset({Right.READ, Right.WRITE}),
    Role.VIEWER: frozenset({Right.READ}),
}


def has_right(user: Any, right: Right) -> bool:
    """Tell whether `user` is signed in, active and of a role that holds `right`."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return False
    return right in ALLOWED.get(user.role, frozenset())


def is_owner(user: Any) -> bool:
    """Tell whether `user` may inject faults (see `settings.CHAOS["MAY_INJECT"]`)."""
    return has_right(user, Right.INJECT)
