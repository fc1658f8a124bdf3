"""
Drafts as lines of PostgreSQL's COPY text: no object per row stands between a draft and its table.

What a line says is split into its numbers (ids, which differ between databases) and its content,
which the digest covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from helpdesk.models import Message
from qa_seed.digest import fingerprint
from qa_seed.documents import Document
from qa_seed.drafts import MessageDraft, TicketDraft
from qa_seed.people import Colleague, Customer

NOTHING: Final = r"\N"
CONTACT: Final = ("id", "name", "channel", "address", "opted_out_at", "created_at")
TICKET: Final = (
    "id", "contact_id", "assignee_id", "seed_key", "subject", "status", "priority", "channel",
    "tags", "version", "message_seq", "message_count", "event_seq", "last_message_preview",
    "last_message_direction", "last_message_at", "created_at", "updated_at", "last_activity_at",
    "first_response_at", "resolved_at",
)  # fmt: skip
MESSAGE: Final = (
    "ticket_id", "author_id", "seq", "key", "kind", "body", "status", "provider_id", "attempts",
    "next_attempt_at", "lease_until", "rung_at", "error", "trace_id", "traceparent", "created_at",
    "sent_at", "delivered_at", "read_at", "failed_at",
)  # fmt: skip
ATTACHMENT: Final = (
    "message_id", "uploaded_by_id", "file", "filename", "size", "content_type", "sha256",
    "created_at",
)  # fmt: skip
DEAD_LETTER: Final = ("message_id", "reason", "attempts", "trace_id", "created_at")
_PREVIEW_CHARS: Final = 140


@dataclass(frozen=True, slots=True)
class Written:
    """A ticket with its messages as content: everything but the ids of a database."""

    draft: TicketDraft
    ticket: str
    contact: str
    messages: list[str]

    @property
    def fingerprint(self) -> int:
        """What the digest knows of it; a file counts by its name."""
        draft = self.draft
        told = [self.ticket, self.contact, _email(draft.assignee), *self.messages]
        told += [_email(message.author) for message in draft.messages]
        told += [message.document.filename for message in draft.messages if message.document]
        return fingerprint(told)


def write(draft: TicketDraft) -> Written:
    """Return a draft as content."""
    said = [_message(message) for message in draft.messages]
    return Written(draft, _ticket(draft), _contact(draft.customer), said)


@dataclass(slots=True)
class Batch:
    """
    Lines of some tickets and of what hangs on them.

    Messages have no id yet; a part of one is kept with the place of its message in `messages`.
    """

    tickets: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    attachments: list[tuple[int, str]] = field(default_factory=list)
    dead_letters: list[tuple[int, str]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows it holds, by plural noun."""
        return {
            "tickets": len(self.tickets),
            "messages": len(self.messages),
            "attachments": len(self.attachments),
            "dead letters": len(self.dead_letters),
        }


class Scribe:
    """Adds ids to what was written, those of colleagues by their e-mail, and fills a batch."""

    def __init__(self, user_ids: Mapping[str, int]) -> None:
        self._user_ids = user_ids
        self.batch = Batch()

    def add(self, written: Written, *, ticket_id: int, contact_id: int) -> None:
        """Add a ticket with its messages."""
        draft, batch = written.draft, self.batch
        assignee = self._id(draft.assignee)
        batch.tickets.append(f"{ticket_id}\t{contact_id}\t{assignee}\t{written.ticket}")
        for message, content in zip(draft.messages, written.messages, strict=True):
            if message.document:
                self._attach(message, message.document)
            if message.failed_at:
                line = f"{_text(message.error)}\t1\t\t{_at(message.failed_at)}"
                batch.dead_letters.append((len(batch.messages), line))
            batch.messages.append(f"{ticket_id}\t{self._id(message.author)}\t{content}")

    def _attach(self, draft: MessageDraft, file: Document) -> None:
        line = (
            f"{self._id(draft.author)}\t{file.storage_name}\t{_text(file.filename)}\t"
            f"{len(file.content)}\t{file.content_type}\t{file.sha256}\t{_at(draft.created_at)}"
        )
        self.batch.attachments.append((len(self.batch.messages), line))

    def _id(self, person: Colleague | None) -> int | str:
        return self._user_ids[person.email] if person else NOTHING


def _contact(who: Customer) -> str:
    """Return a customer's line without its id."""
    return (
        f"{_text(who.name)}\t{who.channel}\t{who.address}\t{_at(who.opted_out_at)}\t"
        f"{_at(who.created_at)}"
    )


def _ticket(draft: TicketDraft) -> str:
    last, count, active_at = draft.last_said, len(draft.messages), _at(draft.last_activity_at)
    preview = _text(last.body[:_PREVIEW_CHARS])
    return (
        f"{draft.key}\t{_text(draft.subject)}\t{draft.status}\t{draft.priority}\t"
        f"{draft.customer.channel}\t{{{','.join(draft.tags)}}}\t{draft.version}\t{count}\t{count}"
        f"\t0\t{preview}\t{last.kind}\t{_at(last.created_at)}\t{_at(draft.created_at)}\t"
        f"{active_at}\t{active_at}\t{_at(draft.first_response_at)}\t{_at(draft.resolved_at)}"
    )


def _message(draft: MessageDraft) -> str:
    said_at = _at(draft.created_at)
    attempts, rung_at = ("1", said_at) if draft.kind == Message.Kind.OUTBOUND else ("0", NOTHING)
    delivered_at = said_at if draft.delivered_at is draft.created_at else _at(draft.delivered_at)
    return (
        f"{draft.seq}\t{draft.key}\t{draft.kind}\t{_text(draft.body)}\t{draft.status}\t"
        f"{draft.provider_id or NOTHING}\t{attempts}\t{_at(draft.next_attempt_at)}\t"
        f"{_at(draft.lease_until)}\t{rung_at}\t{draft.error}\t\t\t{said_at}\t{_at(draft.sent_at)}\t"
        f"{delivered_at}\t{_at(draft.read_at)}\t{_at(draft.failed_at)}"
    )


def _at(moment: datetime | None) -> str:
    return moment.isoformat() if moment else NOTHING


def _text(value: str) -> str:
    """Escape what COPY would take for the end of a column or of a line."""
    if "\\" in value:
        value = value.replace("\\", r"\\")
    if value.isprintable():  # no tab and no end of line
        return value
    return value.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _email(person: Colleague | None) -> str:
    return person.email if person else ""
