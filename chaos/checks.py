"""System checks: what would make fault injection dangerous or dead stops the start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from chaos import conf, guard


def check_environment(**_kwargs: Any) -> list[CheckMessage]:
    """Refuse to be installed in production."""
    if guard.may_act():
        return []
    return [
        Error(
            "chaos is installed in production.",
            hint="Remove it from INSTALLED_APPS: faults are never injected in production.",
            id="chaos.E001",
        )
    ]


def check_dotted_paths(**_kwargs: Any) -> list[CheckMessage]:
    """Refuse a dotted path in `settings.CHAOS` that leads nowhere."""
    return [
        Error(f"CHAOS[{name!r}] = {path!r} cannot be imported: {fault}.", id="chaos.E002")
        for name in ("MAY_INJECT", "EXERCISES", "ON_INJECTED", "PROBES")
        if (path := conf.get(name)) and (fault := _import_fault(path))
    ]


def _import_fault(path: str) -> str:
    try:
        import_string(path)
    except ImportError as error:
        return str(error)
    return ""
