"""
How a protection is taken out of the product while it starts, without a hook for it in there.

Each removal changes a module or a setting once, in every process, before anything uses it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any, Final

import httpx
from django.apps import AppConfig
from django.conf import settings

from tests.bench.experiments.chosen import VARIABLE

_NEVER: Final = 10**9


class Unprotected(AppConfig):
    """Removes what the environment says, once all apps are loaded."""

    name = "tests.bench.experiments"
    label = "bench_experiments"

    def ready(self) -> None:
        for name in os.environ[VARIABLE].split(","):
            REMOVALS[name]()


def _remove_retries() -> None:
    settings.HELPDESK["MAX_ATTEMPTS"] = 1


def _remove_breaker() -> None:
    settings.HELPDESK["BREAKER_FAILURES"] = _NEVER


def _remove_redelivery() -> None:
    settings.CELERY_TASK_ACKS_LATE = False
    settings.CELERY_TASK_REJECT_ON_WORKER_LOST = False


def _remove_fail_open() -> None:
    from helpdesk.selectors import cache  # noqa: PLC0415 - apps first

    cache._FAILURES = ()  # type: ignore[misc, assignment]


def _remove_retry_after() -> None:
    from helpdesk.api import errors  # noqa: PLC0415 - apps first

    errors.DATABASE_GONE = ()  # type: ignore[misc, assignment]


def _remove_key() -> None:
    from helpdesk.provider.http import HttpProvider  # noqa: PLC0415 - apps first

    make = HttpProvider.__init__

    def make_forgetful(provider: HttpProvider, **options: Any) -> None:
        make(provider, **options)
        provider._client.event_hooks = {"request": [_forget_key]}

    HttpProvider.__init__ = make_forgetful  # type: ignore[method-assign, assignment]


def _forget_key(request: httpx.Request) -> None:
    request.headers["Idempotency-Key"] = str(uuid.uuid4())


REMOVALS: Final[dict[str, Callable[[], None]]] = {
    "retries": _remove_retries,
    "breaker": _remove_breaker,
    "redelivery": _remove_redelivery,
    "fail-open": _remove_fail_open,
    "retry-after": _remove_retry_after,
    "key": _remove_key,
}
