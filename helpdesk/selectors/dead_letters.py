"""Reads of what gave up."""

from __future__ import annotations

from typing import Any, Final

from helpdesk.errors import HelpdeskError
from helpdesk.models import DeadLetter
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none

STATES: Final = ("waiting", "redriven", "all")
_FIELDS: Final = (
    "id", "message_id", "message__seq", "message__status", "message__ticket_id",
    "message__ticket__number", "message__ticket__channel", "message__ticket__contact_id",
    "message__ticket__contact__name", "reason", "attempts", "trace_id", "created_at",
    "redriven_at",
)  # fmt: skip


class DeadLetterNotFound(HelpdeskError):
    status = 404
    code = "not_found"


def list_newest(*, state: str, cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` dead letters, newest first, that come after `cursor`.

    `state` is `waiting` (for a re-drive), `redriven` or `all`.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    letters = DeadLetter.objects.all()
    if state != "all":
        letters = letters.filter(redriven_at__isnull=state == "waiting")
    found, next_cursor = keyset.by_creation(
        letters.values(*_FIELDS), kind="dead-letters", cursor=cursor, limit=limit
    )
    return keyset.Page(rows=[_shape(row) for row in found], next_cursor=next_cursor)


def get_one(*, dead_letter_id: int) -> dict[str, Any]:
    """
    Return one dead letter in the shape of the API.

    :raises DeadLetterNotFound: if there is none with this id
    """
    row = DeadLetter.objects.filter(pk=dead_letter_id).values(*_FIELDS).first()
    if row is None:
        raise DeadLetterNotFound(f"There is no dead letter {dead_letter_id}.")
    return _shape(dict(row))


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "message": {
            "id": row["message_id"],
            "seq": row["message__seq"],
            "status": row["message__status"],
        },
        "ticket": {"id": row["message__ticket_id"], "number": row["message__ticket__number"]},
        "channel": row["message__ticket__channel"],
        "contact": {
            "id": row["message__ticket__contact_id"],
            "name": row["message__ticket__contact__name"],
        },
        "reason": row["reason"],
        "attempts": row["attempts"],
        "trace_id": row["trace_id"],
        "created_at": moment(row["created_at"]),
        "redriven_at": moment_or_none(row["redriven_at"]),
    }
