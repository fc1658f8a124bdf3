"""What is announced on sockets: frame shapes and group names."""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

MESSAGE_CREATED: Final = "message.created"
MESSAGE_UPDATED: Final = "message.updated"
TICKET_CREATED: Final = "ticket.created"
TICKET_UPDATED: Final = "ticket.updated"
CAMPAIGN_UPDATED: Final = "campaign.updated"
TYPING: Final = "typing"
WEBHOOK_TEST: Final = "webhook.test"  # told to webhook endpoints only, and never stored
# What a webhook endpoint may ask to be told of.
FOR_WEBHOOKS: Final = (
    MESSAGE_CREATED,
    MESSAGE_UPDATED,
    TICKET_CREATED,
    TICKET_UPDATED,
    CAMPAIGN_UPDATED,
    WEBHOOK_TEST,
)


class Frame(TypedDict):
    """One event as sockets and `GET /events` show it; times are RFC 3339 in UTC."""

    seq: int | None
    cursor: str
    type: str
    ticket: int | None
    occurred_at: str
    trace_id: str
    data: dict[str, Any]


class TypingFrame(TypedDict):
    """Somebody types in a ticket; not stored, so it has no position in any feed."""

    type: str
    ticket: int
    occurred_at: str
    trace_id: str
    data: dict[str, Any]


class Doorbell(TypedDict):
    """
    What travels through Redis: enough to show the event, never the only copy of it.

    A ticket's sockets get the `frame`; the inbox's get its `place` in the global order.
    """

    type: str
    frame: NotRequired[Frame]
    place: NotRequired[tuple[int, int]]
    traceparent: NotRequired[str]


class TypingBell(TypedDict):
    """What travels through Redis when somebody types: everything, for there is no copy."""

    type: str
    frame: TypingFrame
    sender: str  # the channel of the socket that need not be told


INBOX_GROUP: Final = "inbox"


def ticket_group(ticket_id: int) -> str:
    return f"ticket.{ticket_id}"


def user_group(user_id: int) -> str:
    return f"user.{user_id}"
