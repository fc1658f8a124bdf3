"""Reads of the audit log."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q

from helpdesk.models import AuditEntry
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment

_FIELDS: Final = (
    "id", "actor_id", "actor_email", "action", "target_type", "target_id", "before", "after",
    "ip", "trace_id", "created_at",
)  # fmt: skip


def list_newest(
    *, cursor: str, limit: int, actor: str = "", action: str = "", target: str = ""
) -> keyset.Page:
    """
    Return up to `limit` acts, newest first, that come after `cursor`; empty filters nothing.

    `actor` is a user id or an e-mail, `action` exact, `target` is `type` or `type:id`.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    entries = AuditEntry.objects.filter(_by(actor), _on(target))
    if action:
        entries = entries.filter(action=action)
    found, next_cursor = keyset.by_creation(
        entries.values(*_FIELDS), kind="audit", cursor=cursor, limit=limit
    )
    return keyset.Page(rows=[_shape(row) for row in found], next_cursor=next_cursor)


def _by(actor: str) -> Q:
    if not actor:
        return Q()
    is_id = actor.isascii() and actor.isdigit()
    return Q(actor_id=int(actor)) if is_id else Q(actor_email=actor.lower())


def _on(target: str) -> Q:
    kind, _, identity = target.partition(":")
    wanted = Q(target_type=kind) if kind else Q()
    return wanted & Q(target_id=identity) if identity else wanted


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    has_target = bool(row["target_type"])
    return {
        "id": row["id"],
        "actor": {"id": row["actor_id"], "email": row["actor_email"]},
        "action": row["action"],
        "target": {"type": row["target_type"], "id": row["target_id"]} if has_target else None,
        "before": row["before"],
        "after": row["after"],
        "ip": row["ip"],
        "trace_id": row["trace_id"],
        "created_at": moment(row["created_at"]),
    }
