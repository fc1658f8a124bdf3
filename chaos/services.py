"""
Writes of faults: the one door that admin, REST and the command share.

Every change leaves an audit entry in the same transaction. A trigger on the table announces the
change to all processes when the transaction commits (see the first migration).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from chaos import catalog, conf, guard, lever, selectors
from chaos.models import AuditEntry, Fault

logger = logging.getLogger(__name__)
_INJECTION_LOCK: Final = 0x63_68_61_6F_73  # "chaos": counting and adding are one step


class TooManyFaults(Exception):
    """As many faults are active as `MAX_ACTIVE_FAULTS` allows."""


class LeverPulled(Exception):
    """Everything is stopped: the file of `STOP_FILE` exists."""


class FaultGone(Exception):
    """The fault never was, has expired or was cleared."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as text that outlives the user's row."""

    name: str
    user_id: str = ""
    ip: str | None = None


CLOCK = Actor(name="clock")
STOP_FILE = Actor(name="stop file")


def inject_fault(
    *,
    target: str,
    mode: str,
    ttl_seconds: int,
    metadata: dict[str, Any],
    actor: Actor,
    now: dt.datetime,
) -> Fault:
    """
    Arm a fault for `ttl_seconds` from `now`.

    :raises ChaosForbidden: in production
    :raises LeverPulled: while the file that stops everything exists
    :raises UnknownTarget: when the catalogue has no such target
    :raises InvalidFault: naming every field that is wrong
    :raises TooManyFaults: when the limit of simultaneous faults is reached
    """
    _refuse_in_production()
    _refuse_while_stopped()
    catalog.check(
        target=target,
        mode=mode,
        ttl_seconds=ttl_seconds,
        metadata=metadata,
        max_ttl_seconds=conf.get("MAX_TTL_SECONDS"),
    )
    with transaction.atomic():
        _refuse_too_many(now=now)
        fault = Fault.objects.create(
            target=target,
            mode=mode,
            ttl_seconds=ttl_seconds,
            metadata=metadata,
            created_by=actor.name,
            created_at=now,
            expires_at=now + dt.timedelta(seconds=ttl_seconds),
        )
        _audit(fault, AuditEntry.Action.CREATED, actor=actor, now=now)
    logger.warning("fault armed", extra={"fault": str(fault), "ttl_seconds": ttl_seconds})
    return fault


def clear_fault(*, fault_id: UUID, actor: Actor, now: dt.datetime, reason: str = "") -> None:
    """
    End one fault now.

    :raises FaultGone: when it does not hold any more
    """
    faults = selectors.active_faults(now=now).filter(pk=fault_id)
    if not _end(faults, Fault.End.CLEARED, actor=actor, now=now, reason=reason):
        raise FaultGone(str(fault_id))


def clear_all(*, actor: Actor, now: dt.datetime, reason: str = "") -> int:
    """End every fault now and return how many there were."""
    faults = selectors.active_faults(now=now)
    return _end(faults, Fault.End.CLEARED, actor=actor, now=now, reason=reason)


def halt_faults(*, fault_ids: Collection[UUID], actor: Actor, now: dt.datetime, reason: str) -> int:
    """End those faults because going on would be worse, and return how many still held."""
    faults = selectors.active_faults(now=now).filter(pk__in=fault_ids)
    return _end(faults, Fault.End.HALTED, actor=actor, now=now, reason=reason)


def obey_stop_file(*, now: dt.datetime) -> int:
    """End every fault in the name of the file that stops everything, and return how many."""
    faults = selectors.active_faults(now=now)
    reason = f"{lever.file()} exists"
    return _end(faults, Fault.End.HALTED, actor=STOP_FILE, now=now, reason=reason)


def expire_due(*, now: dt.datetime) -> int:
    """Note the end of every fault whose time has passed and return how many there were."""
    due = Fault.objects.filter(ended_at__isnull=True, expires_at__lte=now)
    return _end(due, Fault.End.EXPIRED, actor=CLOCK, now=now, reason="")


def _end(faults: Any, end: Fault.End, *, actor: Actor, now: dt.datetime, reason: str) -> int:
    """End `faults` and audit each; of two who end the same one, the second counts it not."""
    count = 0
    with transaction.atomic():
        for fault in faults.select_for_update(no_key=True):
            fault.ended_at = fault.expires_at if end == Fault.End.EXPIRED else now
            fault.end = end
            fault.save(update_fields=["ended_at", "end"])
            _audit(fault, AuditEntry.Action(end), actor=actor, now=now, reason=reason)
            count += 1
    return count


def _refuse_in_production() -> None:
    if not guard.may_act():
        raise guard.ChaosForbidden("Faults are never injected in production.")


def _refuse_while_stopped() -> None:
    if lever.is_pulled():
        raise LeverPulled(f"Everything is stopped: remove {lever.file()} first.")


def _refuse_too_many(*, now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_INJECTION_LOCK])
    limit = conf.get("MAX_ACTIVE_FAULTS")
    if selectors.active_faults(now=now).count() >= limit:
        raise TooManyFaults(f"{limit} faults are active already; clear one first.")


def _audit(
    fault: Fault, action: AuditEntry.Action, *, actor: Actor, now: dt.datetime, reason: str = ""
) -> None:
    is_new = action == AuditEntry.Action.CREATED
    AuditEntry.objects.create(
        at=now,
        action=action,
        fault_id=fault.pk,
        target=fault.target,
        mode=fault.mode,
        actor=actor.name,
        actor_user_id=actor.user_id,
        ip=actor.ip,
        reason=reason or fault.metadata.get("reason", "") * is_new,
        before=None if is_new else _state(fault, is_active=True),
        after=_state(fault, is_active=is_new),
    )


def _state(fault: Fault, *, is_active: bool) -> dict[str, Any]:
    return {
        "active": is_active,
        "ttlSec": fault.ttl_seconds,
        "metadata": fault.metadata,
        "expiresAt": fault.expires_at.isoformat(),
    }
