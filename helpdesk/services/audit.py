"""The only writer of the audit log: who did what to which row, from where, in which trace."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from django.db.models import Model

from helpdesk import trace
from helpdesk.models import AuditEntry, User


def record(
    *,
    actor: User | None,
    action: str,
    target: Model | None,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    request_ip: str | None = None,
    actor_email: str = "",
) -> AuditEntry:
    """
    Append one act, in the caller's transaction: an act that is rolled back leaves no entry.

    `action` is `subject.verb` ("campaign.start"); `before` and `after` hold JSON values of what
    changed and never a secret. The trace is the current one. `actor_email` names somebody who is
    no user of ours (a failed login).
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_email=actor.email if actor else actor_email[:254],
        action=action,
        target_type=target._meta.model_name or "" if target else "",  # noqa: SLF001 - Django documents _meta
        target_id=str(target.pk) if target else "",
        before=before,
        after=after,
        ip=_storable(request_ip),
        trace_id=trace.current_id(),
        created_at=now,
    )


def _storable(address: str | None) -> str | None:
    """Return an address that PostgreSQL stores; a server on a Unix socket knows none."""
    try:
        return str(ipaddress.ip_address((address or "").partition("%")[0]))
    except ValueError:
        return None
