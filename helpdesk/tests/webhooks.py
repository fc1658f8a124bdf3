"""Provider webhooks as an independent library signs them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from rest_framework.test import APIClient
from standardwebhooks import Webhook

URL = "/api/v1/webhooks/provider"
OTHER_SECRET = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhpcnR5LXR3by1ieXRlcw=="


def event(type: str, **data: Any) -> dict[str, Any]:  # noqa: A002 - the event's own word
    return {"type": type, "data": data, "timestamp": datetime.now(UTC).isoformat()}


def signed(
    body: bytes, *, secret: str = "", webhook_id: str = "", at: datetime | None = None
) -> dict[str, str]:
    """Return the three headers of `body`, as keyword arguments of Django's test client."""
    at = at or datetime.now(UTC)
    webhook_id = webhook_id or f"evt_{uuid.uuid4().hex}"
    key = secret or settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"][0]
    return {
        "HTTP_WEBHOOK_ID": webhook_id,
        "HTTP_WEBHOOK_TIMESTAMP": str(int(at.timestamp())),
        "HTTP_WEBHOOK_SIGNATURE": Webhook(key).sign(webhook_id, at, body.decode()),
    }


def post(payload: Any, **signing: Any) -> Any:
    """Deliver `payload` (JSON, or raw bytes) to the front door and return its response."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return post_raw(body, signed(body, **signing))


def post_raw(body: bytes, headers: dict[str, str]) -> Any:
    client: Any = APIClient()
    return client.post(URL, body, content_type="application/json", **headers)


@contextmanager
def secrets(*values: str) -> Iterator[None]:
    """Accept `values` as the provider's secrets inside the block."""
    before = settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"]
    settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"] = list(values)
    try:
        yield
    finally:
        settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"] = before
