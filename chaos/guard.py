"""Who may inject, and where nobody may."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from chaos import conf


class ChaosForbidden(Exception):
    """Faults are never injected in this environment."""


def may_act() -> bool:
    """Tell whether faults may have any effect here, whatever rows say: never in production."""
    return bool(conf.get("ENVIRONMENT") != "production")


def may_inject(user: Any) -> bool:
    """Tell whether `user` may arm and clear faults, as `settings.CHAOS["MAY_INJECT"]` decides."""
    return may_act() and bool(import_string(conf.get("MAY_INJECT"))(user))


def is_superuser(user: Any) -> bool:
    """Tell whether `user` is an active superuser: the rule of a project that names no other."""
    return bool(user.is_active and user.is_superuser)
