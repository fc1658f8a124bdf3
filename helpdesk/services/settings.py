"""Writes of settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from helpdesk.models import Setting, SettingsVersion, User
from helpdesk.selectors import settings as reads
from helpdesk.services import audit


@transaction.atomic
def change(
    *, changes: dict[str, Any], actor: User, request_ip: str | None, now: datetime
) -> dict[str, Any]:
    """
    Change settings, all of `changes` or none; return every setting as it is then.

    :raises InvalidSetting: naming the keys that do not exist or whose values are refused
    """
    reads.check(changes)
    version = _locked_version()
    before = reads.stored()
    changed = {key: value for key, value in changes.items() if before[key] != value}
    if not changed:
        return before
    for key, value in changed.items():
        Setting.objects.update_or_create(
            key=key, defaults={"value": value, "updated_by": actor, "updated_at": now}
        )
    _count_up(now)
    audit.record(
        actor=actor,
        action="settings.change",
        target=version,
        before={key: before[key] for key in changed},
        after=changed,
        request_ip=request_ip,
        now=now,
    )
    return {**before, **changed}


def _locked_version() -> SettingsVersion:
    """Return the one row of versions, locked: writers take turns."""
    SettingsVersion.objects.get_or_create(pk=1)
    return SettingsVersion.objects.select_for_update(no_key=True).get(pk=1)


def _count_up(now: datetime) -> None:
    """Raise the version to the clock, so that a restored database never repeats one."""
    microseconds = int(now.timestamp() * 1_000_000)
    SettingsVersion.objects.filter(pk=1).update(version=Greatest(F("version") + 1, microseconds))
