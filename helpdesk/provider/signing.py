"""
Standard Webhooks signatures: base64 HMAC-SHA256 of `id.timestamp.body`.

Source: https://github.com/standard-webhooks/standard-webhooks, spec 1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from helpdesk.errors import HelpdeskError

TOLERANCE_SECONDS: Final = 300
_PREFIX: Final = "whsec_"


class BadSignature(HelpdeskError):
    """The webhook was not signed with a secret of ours, or its time is too far from now."""

    status = 401
    code = "bad_signature"


def sign(*, secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header for `body`; `timestamp` is in seconds."""
    digest = hmac.new(
        _key(secret), f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256
    ).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(
    *,
    secrets: Iterable[str],
    webhook_id: str,
    timestamp: str,
    signature: str,
    body: bytes,
    now: float,
) -> None:
    """
    Accept a webhook signed with any of `secrets` within 300 s of `now` (seconds since the epoch).

    :raises BadSignature: saying which of the three headers does not hold
    """
    if not webhook_id:
        raise BadSignature("The webhook-id header is missing.")
    if not timestamp.isascii() or not timestamp.isdigit():
        raise BadSignature("The webhook-timestamp header is not a number of seconds.")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("The webhook-timestamp header is more than 300 s from now.")
    wanted = [
        sign(secret=secret, webhook_id=webhook_id, timestamp=int(timestamp), body=body).encode()
        for secret in secrets
    ]
    given = [part.encode() for part in signature.split()]
    # Every pair is compared, so the time taken tells nothing about which one matched.
    matches = [hmac.compare_digest(one, other) for one in wanted for other in given]
    if not any(matches):
        raise BadSignature("The webhook-signature header does not match the body.")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
