"""Writes of the people who work here. Whoever loses something loses it at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from helpdesk import dispatch
from helpdesk.access import ALLOWED, Right, Role, has_right
from helpdesk.errors import HelpdeskError
from helpdesk.models import RefreshToken, SocketTicket, User
from helpdesk.models.users import STAFF_ROLES
from helpdesk.selectors.users import UserNotFound
from helpdesk.services import audit

_SHOWN: Final = ("name", "role", "is_active")


class EmailTaken(HelpdeskError):
    code = "invalid"


class WeakPassword(HelpdeskError):
    code = "invalid"


class MayNot(HelpdeskError):
    """The role of whoever asks does not reach this far."""

    status = 403
    code = "permission_denied"


class OwnAccount(HelpdeskError):
    """Nobody raises, lowers or locks out themselves."""

    status = 403
    code = "own_account"


@transaction.atomic
def create(
    *,
    actor: User,
    email: str,
    name: str,
    role: str,
    password: str,
    now: datetime,
    request_ip: str | None = None,
) -> User:
    """
    Create somebody who signs in with `email` and `password`.

    :raises MayNot: if `actor` may not manage users, or is no OWNER and would make one
    :raises EmailTaken: if somebody signs in with this e-mail already
    :raises WeakPassword: if the password is too short, too common or too much like the person
    """
    by = _locked([actor.pk])[actor.pk]
    _check_reach(by, {role})
    email = email.strip().lower()
    _check_password(password, User(email=email, name=name))
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name, role=role, created_at=now)
    except IntegrityError as error:
        detail = "Somebody signs in with this e-mail already."
        raise EmailTaken(detail, fields={"email": [detail]}) from error
    audit.record(
        actor=by,
        action="user.create",
        target=user,
        after={"email": user.email, **_shown(user, _SHOWN)},
        request_ip=request_ip,
        now=now,
    )
    return user


@transaction.atomic
def change(
    *,
    user_id: int,
    actor: User,
    changes: dict[str, Any],
    now: datetime,
    request_ip: str | None = None,
) -> User:
    """
    Change `name`, `role`, `is_active` or `password` of a user; `changes` holds only what changes.

    Losing rights, being deactivated and a new password revoke every refresh token at once; the
    latter two end access tokens and sessions with their next request as well.

    :raises UserNotFound: if there is no such user
    :raises MayNot: if `actor` may not manage users, or is no OWNER and an OWNER is concerned
    :raises OwnAccount: if `actor` would change their own role or deactivate themselves
    :raises WeakPassword: if the new password does not do
    """
    people = _locked([actor.pk, user_id])
    if user_id not in people:
        raise UserNotFound(f"There is no user {user_id}.")
    by, user = people[actor.pk], people[user_id]
    changed = {f: v for f, v in changes.items() if f == "password" or v != getattr(user, f)}
    _check_reach(by, {user.role, changed.get("role", user.role)})
    if user == by and {"role", "is_active"} & changed.keys():
        raise OwnAccount("Nobody changes their own role or deactivates themselves; ask another.")
    if changed:
        _apply(user, changed, by=by, request_ip=request_ip, now=now)
    return user


def _locked(user_ids: Iterable[int]) -> dict[int, User]:
    """
    Return these users and every OWNER by id, locked in order: changes of people take turns.

    What the caller may do is judged by these rows, not by what the request read before. So of two
    OWNERs who lower each other one fails, and since nobody lowers themselves, the last stays.
    """
    rows = User.objects.select_for_update(no_key=True)
    wanted = rows.filter(Q(pk__in=user_ids) | Q(role=Role.OWNER))
    return {user.pk: user for user in wanted.order_by("id")}


def _check_reach(by: User, roles: set[str]) -> None:
    if not has_right(by, Right.MANAGE):
        raise MayNot("Your role may not manage users.")
    if Role.OWNER in roles and by.role != Role.OWNER:
        raise MayNot("Only an OWNER may make or change an OWNER.")


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(
            " ".join(error.messages), fields={"password": list(error.messages)}
        ) from error


def _apply(
    user: User, changed: dict[str, Any], *, by: User, request_ip: str | None, now: datetime
) -> None:
    shown = [field for field in _SHOWN if field in changed]
    before, old_role = _shown(user, shown), user.role
    for field in shown:
        setattr(user, field, changed[field])
    user.is_staff, user.is_superuser = user.role in STAFF_ROLES, user.role == Role.OWNER
    after = _shown(user, shown)
    if "password" in changed:
        _check_password(changed["password"], user)
        user.set_password(changed["password"])
        after["password_changed"] = True
    user.save(update_fields=[*_SHOWN, "is_staff", "is_superuser", "password", "updated_at"])
    lost = ALLOWED[Role(old_role)] - ALLOWED[Role(user.role)]
    if lost or not user.is_active or "password" in changed:
        _end_logins(user, now)
    audit.record(
        actor=by,
        action="user.change",
        target=user,
        before=before,
        after=after,
        request_ip=request_ip,
        now=now,
    )


def _shown(user: User, fields: Iterable[str]) -> dict[str, Any]:
    return {field: getattr(user, field) for field in fields}


def _end_logins(user: User, now: datetime) -> None:
    """End every login: the exchange of a refresh token waits for the user's lock, then fails."""
    RefreshToken.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=now)
    SocketTicket.objects.filter(user=user).delete()
    dispatch.recheck_access_on_commit(user_id=user.pk)
