"""The message provider over HTTP: one pooled client, a total deadline, refusals with advice."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Final

import httpx
import orjson
from django.conf import settings
from django.utils.module_loading import import_string

from helpdesk import metrics, trace
from helpdesk.models import Channel
from helpdesk.provider.breaker import Breaker
from helpdesk.provider.client import Outgoing, ProviderError
from helpdesk.provider.deadline import DeadlineTransport, within

MAX_RETRY_AFTER_SECONDS: Final = 300.0
_MAX_BODY_BYTES: Final = 64 * 1024
_STORABLE_ID: Final = re.compile(r"[^\x00]{1,100}")
_TOO_MANY, _REQUEST_TIMEOUT, _CONFLICT = 429, 408, 409


class HttpProvider:
    """
    A provider that speaks JSON over HTTP.

    `deadline_seconds` bounds the whole call, connecting and the slowest drip included. Each
    channel has a circuit breaker: `failures_to_open` outages in a row open it for `open_seconds`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        deadline_seconds: float,
        failures_to_open: int = 5,
        open_seconds: float = 3.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        # One for every channel there is: made before threads come, so none is made twice.
        self._breakers = {
            channel: Breaker(
                channel=channel, failures_to_open=failures_to_open, open_seconds=open_seconds
            )
            for channel in Channel.values
        }
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(deadline_seconds, connect=1.0),
            transport=transport or _own_transport(),
        )

    def send(self, message: Outgoing) -> str:
        """
        See `Provider.send`; outages open the channel's circuit.

        :raises NotCalled: if it is open; that was no call
        """
        with self._breakers[message.channel].guard():
            return self.call(message)

    def call(self, message: Outgoing) -> str:
        """See `Provider.send`, whatever the circuit says; each call is one observation."""
        began = time.monotonic()
        outcome = "error"
        try:
            with within(self._deadline_seconds):
                provider_id = self._post(message)
            outcome = "ok"
        except ProviderError as error:
            outcome = "refused" if error.permanent else "retry"
            raise
        finally:
            elapsed = time.monotonic() - began
            metrics.PROVIDER_REQUEST_SECONDS.labels(outcome).observe(elapsed)
        return provider_id

    @trace.span("provider.send", kind=trace.CLIENT)
    def _post(self, message: Outgoing) -> str:
        body = {
            "channel": message.channel,
            "to": message.to,
            "body": message.body,
            "reference": str(message.key),
        }
        headers = {"Idempotency-Key": str(message.key), "traceparent": trace.traceparent()}
        try:
            with self._client.stream("POST", "/messages", json=body, headers=headers) as response:
                content = _read(response)
        except httpx.HTTPError as error:
            raise ProviderError(f"No answer from the provider: {error!r}.") from error
        _refuse_failure(response)
        return _message_id(content)


def _read(response: httpx.Response) -> bytes:
    """Return the body, giving up when it grows too long."""
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_BODY_BYTES:
            raise ProviderError("The provider's answer is too long.")
    return content


def _refuse_failure(response: httpx.Response) -> None:
    status = response.status_code
    if status < httpx.codes.BAD_REQUEST:
        return
    may_pass = status >= httpx.codes.INTERNAL_SERVER_ERROR or status in (
        _TOO_MANY,
        _REQUEST_TIMEOUT,
        _CONFLICT,
    )
    raise ProviderError(
        f"The provider answered {status}.",
        permanent=not may_pass,
        is_outage=status >= httpx.codes.INTERNAL_SERVER_ERROR,
        retry_after_seconds=retry_after_seconds(
            response.headers.get("retry-after", ""), now=datetime.now(UTC)
        ),
    )


def retry_after_seconds(
    header: str, *, now: datetime, cap_seconds: float = MAX_RETRY_AFTER_SECONDS
) -> float | None:
    """Return the wait that a `Retry-After` header asks for (seconds or a date), up to a cap."""
    header = header.strip()
    if not header:
        return None
    if header.isascii() and header.isdigit():
        wait = float(header)
    else:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        wait = (aware - now).total_seconds()
    return min(max(wait, 0.0), cap_seconds)


def _message_id(content: bytes) -> str:
    try:
        provider_id = orjson.loads(content)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ProviderError("The provider's answer is not the JSON it promised.") from error
    if not isinstance(provider_id, str) or not _STORABLE_ID.fullmatch(provider_id):
        raise ProviderError("The provider's answer has no message id that can be kept.")
    return provider_id


def _own_transport() -> httpx.BaseTransport:
    return DeadlineTransport(max_connections=20)


def _transport() -> httpx.BaseTransport:
    """Return our transport, within what the project wraps around it."""
    path = settings.HELPDESK["PROVIDER_TRANSPORT"]
    return import_string(path)(_own_transport()) if path else _own_transport()


@cache
def get_provider() -> HttpProvider:
    """Return this process' client of the configured provider."""
    return HttpProvider(
        base_url=settings.HELPDESK["PROVIDER_BASE_URL"],
        token=settings.HELPDESK["PROVIDER_TOKEN"],
        deadline_seconds=settings.HELPDESK["PROVIDER_DEADLINE_SECONDS"],
        failures_to_open=settings.HELPDESK["BREAKER_FAILURES"],
        open_seconds=settings.HELPDESK["BREAKER_OPEN_SECONDS"],
        transport=_transport(),
    )
