"""The simulator's webhooks to the helpdesk: signed, and repeated until they are taken."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson

from helpdesk import trace
from helpdesk.provider.signing import sign

_WAITS_SECONDS: Final = (0.2, 0.5, 1, 2, 4, 8, 15, 15, 15, 30, 30, 30, 60, 60, 60)


class Callbacks:
    """Tells the helpdesk at `url` what became of its messages."""

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        delivered_after_seconds: float = 0.1,
        read_after_seconds: float = 5.0,
    ) -> None:
        self._url = url
        self._secret = secret
        self._delivered_after_seconds = delivered_after_seconds
        self._read_after_seconds = read_after_seconds
        self._client = httpx.AsyncClient(timeout=5.0)

    async def tell_progress(self, *, provider_id: str, reference: str, traceparent: str) -> None:
        """Report a message delivered and, a while later, read."""
        for status, wait in (
            ("delivered", self._delivered_after_seconds),
            ("read", self._read_after_seconds),
        ):
            await asyncio.sleep(wait)
            await self._tell(
                {
                    "type": "message.status",
                    "data": {"id": provider_id, "reference": reference, "status": status},
                },
                traceparent,
            )

    async def tell_inbound(self, message: dict[str, Any]) -> int:
        """Report that a customer wrote; return the status the helpdesk answered with, 0 if none."""
        data = {"id": f"pm_{uuid.uuid4().hex}", **message}
        return await self._tell({"type": "message.received", "data": data}, "")

    async def _tell(self, event: dict[str, Any], traceparent: str) -> int:
        """Deliver one event at least once, with the same id at every attempt."""
        webhook_id = f"evt_{uuid.uuid4().hex}"
        body = orjson.dumps({**event, "timestamp": datetime.now(UTC).isoformat()})
        status = 0
        for wait in (*_WAITS_SECONDS, 0):
            with trace.span("provider.callback", parent=traceparent, kind=trace.CLIENT):
                status = await self._post(webhook_id, body)
            if status and status < httpx.codes.INTERNAL_SERVER_ERROR:
                return status
            await asyncio.sleep(wait)
        return status

    async def _post(self, webhook_id: str, body: bytes) -> int:
        timestamp = int(time.time())
        headers = {
            "content-type": "application/json",
            "traceparent": trace.traceparent(),
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(
                secret=self._secret, webhook_id=webhook_id, timestamp=timestamp, body=body
            ),
        }
        try:
            response = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError:
            return 0
        return response.status_code
