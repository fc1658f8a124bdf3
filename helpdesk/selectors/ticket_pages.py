"""
The one query behind every list of tickets, written out.

It is the hottest query of the desk. The ORM takes longer to build it than PostgreSQL takes to
answer it (`make bench` shows), so it is put together here from constant pieces; what
people type travels as parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

FIELDS: Final = (
    "id", "number", "subject", "status", "priority", "channel", "tags", "version",
    "contact_id", "contact__name", "contact__address", "assignee_id", "assignee__name",
    "last_message_preview", "last_message_direction", "last_message_at", "message_count",
    "created_at", "updated_at", "last_activity_at", "first_response_at", "resolved_at", "event_seq",
)  # fmt: skip
_MAX_NUMBER_DIGITS: Final = 15  # fits a bigint


def _column(field: str) -> str:
    """Return a column; times as UTC without a zone, which psycopg loads without Python code."""
    table, _, column = field.rpartition("__")
    name = {"contact": "c.", "assignee": "u."}.get(table, "t.") + column
    return f"{name} AT TIME ZONE 'UTC'" if column.endswith("_at") else name


_PAGE: Final = f"""
SELECT {", ".join(map(_column, FIELDS))}
FROM helpdesk_ticket t
JOIN helpdesk_contact c ON c.id = t.contact_id
LEFT JOIN helpdesk_user u ON u.id = t.assignee_id
WHERE %s
ORDER BY t.last_activity_at DESC, t.id DESC
LIMIT """  # noqa: S608 - constants of this module

type Condition = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """What to show; an empty value filters nothing. `assignee` is a user id or 0 for nobody."""

    status: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    assignee: int | None = None
    tag: str = ""
    q: str = ""


def read_page(
    *, wanted: TicketFilter, after: tuple[datetime, int] | None, rows: int
) -> list[dict[str, Any]]:
    """
    Return up to `rows` rows of `FIELDS`, newest activity first, behind the place `after`.

    Their times are UTC and do not say so.
    """
    conditions = list(_conditions(wanted))
    if after:
        conditions.append(("(t.last_activity_at, t.id) < (%s, %s)", [*after]))
    where = " AND ".join(text for text, _ in conditions) or "TRUE"
    parameters = [value for _, values in conditions for value in values]
    with connection.cursor() as cursor:
        cursor.execute(_PAGE.replace("%s", where) + str(int(rows)), parameters)
        return [dict(zip(FIELDS, row, strict=True)) for row in cursor.fetchall()]


def _conditions(wanted: TicketFilter) -> Iterator[Condition]:
    for column, values in (
        ("t.status", wanted.status),
        ("t.priority", wanted.priority),
        ("t.channel", wanted.channel),
    ):
        if len(values) == 1:  # an equality, so that the index of the column keeps the order
            yield f"{column} = %s", [*values]
        elif values:
            yield f"{column} = ANY(%s)", [[*values]]
    if wanted.assignee is not None:
        yield _assigned_to(wanted.assignee)
    if wanted.tag:
        yield "t.tags @> %s::varchar[]", [[wanted.tag]]
    if wanted.q:
        yield _matches(wanted.q)


def _assigned_to(user_id: int) -> Condition:
    return ("t.assignee_id = %s", [user_id]) if user_id else ("t.assignee_id IS NULL", [])


def _matches(q: str) -> Condition:
    """Return the condition of tickets whose subject contains `q`, or whose number it is."""
    pattern = "%" + q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    number = q.lstrip("#")
    if number.isdecimal() and len(number) <= _MAX_NUMBER_DIGITS:
        return "(t.number = %s OR t.subject ILIKE %s)", [int(number), pattern]
    return "t.subject ILIKE %s", [pattern]
