"""Health: alive needs nothing, ready needs the database, Redis only degrades."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError


def livez(_request: HttpRequest) -> JsonResponse:
    """Answer that this process runs; no I/O, so a lost database restarts nobody."""
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when requests can be served (`degraded` without Redis), else 503."""
    checks = {"database": _database(), "redis": _redis()}
    if checks["database"] != "ok":
        return JsonResponse(
            {"status": "unavailable", "checks": checks}, status=503, headers={"Retry-After": "2"}
        )
    status = "ok" if checks["redis"] == "ok" else "degraded"
    return JsonResponse({"status": status, "checks": checks})


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "down"
    return "ok"


def _raw_cache() -> Any:
    """Return the client below the cache, which fails openly instead of hiding it."""
    return cast("Any", caches["default"]).client


def _redis() -> str:
    try:
        _raw_cache().get_client().ping()
    except (RedisError, ConnectionInterrupted, OSError):
        return "down"
    return "ok"
