"""What the helpdesk asks of a message provider, and how a provider may refuse."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol


class ProviderError(Exception):
    """
    The provider did not take the message.

    `permanent` tells whether trying again is pointless; `retry_after_seconds` is what the
    provider asked for, when it did; `is_outage` whether it was the provider that failed, not the
    message it refused.
    """

    def __init__(
        self,
        detail: str,
        *,
        permanent: bool = False,
        retry_after_seconds: float | None = None,
        is_outage: bool = True,
    ) -> None:
        super().__init__(detail)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds
        self.is_outage = is_outage


class NotCalled(ProviderError):
    """Nobody was called, because calls fail right now: the attempt was none, and does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to hand over; `key` is the same at every attempt."""

    key: uuid.UUID
    channel: str
    to: str
    body: str


class Provider(Protocol):
    def send(self, message: Outgoing) -> str:
        """
        Hand `message` over; return the provider's id of it.

        :raises ProviderError: if the provider did not take it, or nobody knows whether it did
        """
        ...
