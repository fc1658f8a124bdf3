"""
Copies in Redis of what PostgreSQL knows: a lost copy costs milliseconds, never a request.

The client below Django's cache is asked, because it says when Redis did not answer. After that
nobody asks for a second, so that a frozen Redis does not hold up every request in turn.
"""

from __future__ import annotations

import time
from typing import Any, Final, cast

from django.core.cache import caches
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from helpdesk.metrics import CACHE_REQUESTS_TOTAL

DASHBOARD_KEPT_SECONDS: Final = 15
SETTINGS_KEPT_SECONDS: Final = 300
_QUIET_SECONDS: Final = 1.0
_FAILURES: Final = (ConnectionInterrupted, RedisError, OSError)


class CacheUnavailable(Exception):
    """Redis did not answer, or did not a moment ago."""


class _Quiet:
    """For how long this process does not ask Redis, because it did not answer."""

    def __init__(self) -> None:
        self.until = 0.0


_quiet = _Quiet()


def look_up(cache: str, key: str) -> Any:
    """
    Return the copy under `key`, or None when there is none; counted as a request to `cache`.

    :raises CacheUnavailable: if Redis does not answer
    """
    try:
        found = _ask("get", f"{cache}:{key}")
    except CacheUnavailable:
        CACHE_REQUESTS_TOTAL.labels(cache, "error").inc()
        raise
    CACHE_REQUESTS_TOTAL.labels(cache, "miss" if found is None else "hit").inc()
    return found


def peek(cache: str, key: str) -> Any:
    """
    Return the copy under `key` or None, uncounted: for those who wait for somebody's work.

    :raises CacheUnavailable: if Redis does not answer
    """
    return _ask("get", f"{cache}:{key}")


def keep(cache: str, key: str, value: Any, *, seconds: int) -> None:
    """Keep a copy for `seconds`; when Redis does not answer, nothing is kept."""
    try:
        _ask("set", f"{cache}:{key}", value, timeout=seconds)
    except CacheUnavailable:
        return


def claim(cache: str, key: str, *, seconds: int) -> bool:
    """
    Return whether the caller is the first to claim `key` within `seconds`.

    :raises CacheUnavailable: if Redis does not answer
    """
    return bool(_ask("set", f"{cache}:{key}", 1, timeout=seconds, nx=True))


def forget(cache: str, key: str) -> None:
    """Remove a copy or give a claim back."""
    try:
        _ask("delete", f"{cache}:{key}")
    except CacheUnavailable:
        return


def _ask(command: str, *args: Any, **options: Any) -> Any:
    if time.monotonic() < _quiet.until:
        raise CacheUnavailable
    client = cast("Any", caches["default"]).client
    try:
        return getattr(client, command)(*args, **options)
    except _FAILURES as error:
        _quiet.until = time.monotonic() + _QUIET_SECONDS
        raise CacheUnavailable from error
