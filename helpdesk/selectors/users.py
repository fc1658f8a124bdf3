"""Reads of the people who work here."""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from helpdesk.access import ALLOWED, Right
from helpdesk.errors import HelpdeskError
from helpdesk.models import User
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none

MAX_ASSIGNABLE: Final = 200
_FIELDS: Final = [field.attname for field in User._meta.concrete_fields]  # noqa: SLF001 - Django documents _meta
_FIND: Final = f"SELECT {', '.join(_FIELDS)} FROM helpdesk_user WHERE id = %s"  # noqa: S608 - columns of the model


class UserNotFound(HelpdeskError):
    status = 404
    code = "not_found"


def list_by_id(*, cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` users in the order they came, after `cursor`.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    users = User.objects.order_by("id")
    if cursor:
        (last_id,) = keyset.decode("users", cursor, width=1)
        users = users.filter(id__gt=last_id)
    found = list(users[: limit + 1])
    page = found[:limit]
    more = len(found) > limit
    return keyset.Page(
        rows=[shape(user) for user in page],
        next_cursor=keyset.encode("users", page[-1].pk) if more else None,
    )


def shape(user: User) -> dict[str, Any]:
    """Return what those who manage users see of one; never anything of the password."""
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "is_active": user.is_active,
        "last_login": moment_or_none(user.last_login),
        "created_at": moment(user.created_at),
    }


def find(*, user_id: int) -> User | None:
    """
    Return the user with this id, or None.

    Every request with a token asks this, so it is written out: building it takes the ORM longer
    than answering it takes PostgreSQL.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [user_id])
        row = cursor.fetchone()
    return User.from_db(connection.alias, _FIELDS, row) if row else None


def list_assignable() -> list[dict[str, Any]]:
    """Return `id` and `name` of those who may answer tickets, by name, at most 200."""
    roles = [role for role, rights in ALLOWED.items() if Right.WRITE in rights]
    active = User.objects.filter(is_active=True, role__in=roles).order_by("name", "id")
    return [dict(row) for row in active.values("id", "name")[:MAX_ASSIGNABLE]]
