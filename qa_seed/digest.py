"""A fingerprint of the content, without ids and file bytes: equal for equal plans anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from qa_seed.campaigns import CampaignDraft
from qa_seed.conversations import MessageDraft, TicketDraft
from qa_seed.people import Colleague, Customer


class Digest:
    """
    Adds up drafts in the order they come.

    Compressed images differ between versions of zlib, so a file counts by its name.
    """

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def add_staff(self, colleagues: Iterable[Colleague]) -> None:
        for person in colleagues:
            self._add(person.email, person.name, person.role, person.is_active, person.created_at)

    def add_tickets(self, drafts: Iterable[TicketDraft]) -> None:
        for draft in drafts:
            self._add_customer(draft.customer)
            self._add(
                draft.key, draft.subject, draft.status, draft.priority, *draft.tags,
                draft.assignee and draft.assignee.email, draft.created_at, draft.resolved_at,
                draft.closed_at,
            )  # fmt: skip
            for message in draft.messages:
                self._add_message(message)

    def _add_customer(self, who: Customer) -> None:
        self._add(who.name, who.channel, who.address, who.opted_out_at, who.created_at)

    def _add_message(self, message: MessageDraft) -> None:
        self._add(
            message.key, message.kind, message.body, message.status, message.error,
            message.author and message.author.email, message.created_at, message.sent_at,
            message.delivered_at, message.read_at, message.failed_at,
            message.document and message.document.filename,
        )  # fmt: skip

    def add_campaigns(self, drafts: Iterable[CampaignDraft]) -> None:
        for draft in drafts:
            self._add(draft.key, draft.name, draft.channel, draft.body, draft.status)
            self._add(draft.created_at, draft.started_at, draft.finished_at)
            for recipient in draft.recipients:
                self._add(recipient.customer.address, recipient.key, recipient.status)
                self._add(
                    recipient.body, recipient.error, recipient.sent_at, recipient.delivered_at
                )

    def _add(self, *values: Any) -> None:
        # The unit separator cannot occur in what is written, so fields never run together.
        self._hash.update("\x1f".join(map(str, values)).encode() + b"\x1e")

    def text(self) -> str:
        """Return the fingerprint of what was added so far, in hexadecimal."""
        return self._hash.hexdigest()
