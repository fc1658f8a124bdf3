"""Tickets and messages as they will be stored; nothing here touches the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.models import Message, Ticket
from qa_seed.documents import Document
from qa_seed.people import Colleague, Customer


@dataclass(slots=True)
class MessageDraft:
    """A message as it will be stored; the names are those of the model."""

    seq: int
    key: str
    kind: str
    body: str
    author: Colleague | None
    status: str
    created_at: datetime
    provider_id: str | None = None
    error: str = ""
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    document: Document | None = None


@dataclass(slots=True)
class TicketDraft:
    """A ticket as it will be stored, with its messages; the names are those of the model."""

    index: int
    key: str
    customer_index: int
    customer: Customer
    subject: str
    priority: str
    assignee: Colleague | None
    tags: list[str]
    created_at: datetime
    messages: list[MessageDraft] = field(default_factory=list)
    status: str = Ticket.Status.OPEN
    resolved_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def first_response_at(self) -> datetime | None:
        for message in self.messages:
            if message.kind == Message.Kind.OUTBOUND:
                return message.created_at
        return None

    @property
    def last_said(self) -> MessageDraft:
        """The newest message that is not a note; the first one never is."""
        for message in reversed(self.messages):
            if message.kind != Message.Kind.NOTE:
                return message
        raise ValueError("a conversation begins with what its customer said")

    @property
    def last_activity_at(self) -> datetime:
        return self.closed_at or self.resolved_at or self.messages[-1].created_at

    @property
    def version(self) -> int:
        """One, and one more for each change that was not a message."""
        changes = (self.assignee, self.resolved_at, self.closed_at)
        return 1 + sum(change is not None for change in changes)
