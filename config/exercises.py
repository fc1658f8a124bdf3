"""One real call a target, for `POST /api/v1/dev/chaos/test/{target}`; it raises on failure."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import caches
from django.db import connection

from config.celery import app
from helpdesk.provider.client import Outgoing
from helpdesk.provider.http import get_provider


def _raw_cache() -> Any:
    """Return the client below the cache, which fails openly instead of hiding it."""
    return cast("Any", caches["default"]).client


def redis() -> None:
    """Use each of the three clients: cache, channel layer and broker."""
    client = _raw_cache().get_client(write=True)
    client.set("chaos-exercise", "1", ex=5)
    layer = get_channel_layer()
    async_to_sync(layer.group_send)("chaos.exercise", {"type": "exercise"})
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
        cast("Any", broker.default_channel).client.ping()


def provider() -> None:
    """
    Send one message to nobody; its callback names no message of ours and is closed as such.

    Past the circuit breaker, because the question is what a call meets right now.
    """
    get_provider().call(
        Outgoing(key=uuid.uuid4(), channel="web", to="chaos@exercise.test", body="exercise")
    )


def postgres() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def latency() -> None:
    """Ask this very server who we are; being told "nobody" is an answer."""
    origin = urlsplit(settings.HELPDESK["PROVIDER_CALLBACK_URL"])
    url = f"{origin.scheme}://{origin.netloc}/api/v1/auth/me"
    response = httpx.get(url, timeout=9.0)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        response.raise_for_status()


EXERCISES: Final[dict[str, Callable[[], None]]] = {
    "redis": redis,
    "provider": provider,
    "postgres": postgres,
    "latency": latency,
}
