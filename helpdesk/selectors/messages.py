"""Reads of messages, in the order of the conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import QuerySet

from helpdesk.models import Attachment, Message
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none

FIELDS: Final = (
    "id", "ticket_id", "seq", "kind", "body", "author_id", "author__name", "status", "created_at",
    "sent_at", "delivered_at", "read_at", "failed_at", "error",
)  # fmt: skip
_ATTACHMENT_FIELDS: Final = ("id", "message_id", "filename", "size", "content_type", "sha256")


def list_of_ticket(*, ticket_id: int, after: int, limit: int) -> keyset.Page:
    """
    Return up to `limit` messages of a ticket whose `seq` is greater than `after`, in order.

    Two queries whatever the number of rows: messages, then their attachments. The next cursor is
    the `seq` to continue after.
    """
    messages = Message.objects.filter(ticket_id=ticket_id, seq__gt=after).order_by("seq")
    found = list(messages.values(*FIELDS)[: limit + 1])
    page = found[:limit]
    return keyset.Page(
        rows=_shaped(page),
        next_cursor=str(page[-1]["seq"]) if len(found) > limit else None,
    )


def list_last(*, ticket_id: int, limit: int) -> list[dict[str, Any]]:
    """Return the newest `limit` messages of a ticket, oldest first."""
    newest = Message.objects.filter(ticket_id=ticket_id).order_by("-seq").values(*FIELDS)[:limit]
    return _shaped(list(newest)[::-1])


def get_one(*, message_id: int) -> dict[str, Any]:
    """
    Return one message in the shape of the API.

    :raises Message.DoesNotExist: if there is none with this id
    """
    return _shaped([_one(Message.objects.filter(pk=message_id))])[0]


def shape_of(message: Message, attachments: Iterable[Attachment] = ()) -> dict[str, Any]:
    """Return a loaded message (with its author) in the shape of the API."""
    row = {field: getattr(message, field) for field in FIELDS if field != "author__name"}
    row["author__name"] = message.author.name if message.author else None
    return _shape(row, [attachment_shape(attachment) for attachment in attachments])


def attachment_shape(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.pk,
        "filename": attachment.filename,
        "size": attachment.size,
        "content_type": attachment.content_type,
        "sha256": attachment.sha256,
    }


def _one(messages: QuerySet[Message]) -> dict[str, Any]:
    row: dict[str, Any] = messages.values(*FIELDS).get()
    return row


def _shaped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    attachments = _attachments(row["id"] for row in rows)
    return [_shape(row, attachments[row["id"]]) for row in rows]


def _attachments(message_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    by_message: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = Attachment.objects.filter(message_id__in=list(message_ids)).order_by("id")
    for row in rows.values(*_ATTACHMENT_FIELDS):
        by_message[row.pop("message_id") or 0].append(dict(row))
    return by_message


def _shape(row: dict[str, Any], attachments: list[dict[str, Any]]) -> dict[str, Any]:
    author = {"id": row["author_id"], "name": row["author__name"]} if row["author_id"] else None
    return {
        "id": row["id"],
        "ticket": row["ticket_id"],
        "seq": row["seq"],
        "kind": row["kind"],
        "body": row["body"],
        "author": author,
        "status": row["status"],
        "attachments": attachments,
        "created_at": moment(row["created_at"]),
        "sent_at": moment_or_none(row["sent_at"]),
        "delivered_at": moment_or_none(row["delivered_at"]),
        "read_at": moment_or_none(row["read_at"]),
        "failed_at": moment_or_none(row["failed_at"]),
        "error": row["error"] or None,
    }
