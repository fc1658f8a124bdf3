"""Keyset pages: a cursor is the position of the last row seen, never a page number."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.core.signing import Signer
from django.db.models import Q, QuerySet
from django.utils.crypto import constant_time_compare

from helpdesk.errors import HelpdeskError

DEFAULT_LIMIT: Final = 25
MAX_LIMIT: Final = 100
_SIGNATURE_CHARS: Final = 10
_MICROSECONDS_END: Final = len("2026-01-01T00:00:00.000000")
FOREIGN: Final = "This cursor was not issued here; start again without it."


type Row = dict[str, Any]
type Found = tuple[list[Row], str | None]  # the rows of a page, and the cursor of the next page


class BadCursor(HelpdeskError):
    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and the cursor of the next page when there is one."""

    rows: list[Row]
    next_cursor: str | None


def by_id(
    rows: QuerySet[Any, Row], *, kind: str, cursor: str, limit: int, is_newest_first: bool = True
) -> Found:
    """
    Return up to `limit` of `rows` that come after `cursor` by their `id`.

    :raises BadCursor: if `cursor` was not issued by this kind of list
    """
    order, after = ("-id", "id__lt") if is_newest_first else ("id", "id__gt")
    if cursor:
        (row_id,) = decode(kind, cursor, width=1)
        rows = rows.filter(**{after: row_id})
    return _cut(list(rows.order_by(order)[: limit + 1]), limit, kind, "id")


def by_creation(rows: QuerySet[Any, Row], *, kind: str, cursor: str, limit: int) -> Found:
    """
    Return up to `limit` of `rows` that come after `cursor`, the last created first.

    :raises BadCursor: if `cursor` was not issued by this kind of list
    """
    if cursor:
        at, row_id = decode(kind, cursor, width=2)
        position = datetime.fromisoformat(at)
        rows = rows.filter(created_at__lte=position).filter(  # the first is what an index seeks
            Q(created_at__lt=position) | Q(id__lt=row_id)
        )
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    return _cut(found, limit, kind, "created_at", "id")


def _cut(found: list[Row], limit: int, kind: str, *columns: str) -> Found:
    page = found[:limit]
    has_next = len(found) > limit
    return page, encode(kind, *(page[-1][name] for name in columns)) if has_next else None


def encode(kind: str, *position: Any) -> str:
    """Return `position` as an opaque, signed token that only lists of `kind` accept."""
    raw = orjson.dumps(position).decode()
    return base64.urlsafe_b64encode(f"{_signature(kind, raw)}{raw}".encode()).decode().rstrip("=")


def decode(kind: str, token: str, *, width: int) -> list[Any]:
    """
    Return the position that `encode` wrote, `width` values.

    :raises BadCursor: if `token` was not issued here for this kind of list
    """
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, raw = text[:_SIGNATURE_CHARS].decode(), text[_SIGNATURE_CHARS:].decode()
        position = orjson.loads(raw)
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadCursor(FOREIGN) from error
    is_ours = constant_time_compare(signature, _signature(kind, raw))
    if not is_ours or not isinstance(position, list) or len(position) != width:
        raise BadCursor(FOREIGN)
    return position


def _signature(kind: str, raw: str) -> str:
    return Signer(salt=f"cursor.{kind}").signature(raw)[:_SIGNATURE_CHARS]


def moment(value: datetime) -> str:
    """Return a time in UTC, as the database gives it, as RFC 3339 with microseconds."""
    return value.isoformat(timespec="microseconds")[:_MICROSECONDS_END] + "Z"


def moment_or_none(value: datetime | None) -> str | None:
    return moment(value) if value else None
