"""Signing in, staying in and getting out: access, refresh and socket tokens."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.tokens import RefreshToken as SignedRefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from helpdesk.errors import HelpdeskError
from helpdesk.models import RefreshToken, SocketTicket, User
from helpdesk.services import audit


class WrongCredentials(HelpdeskError):
    status = 401
    code = "wrong_credentials"


class TooManyFailures(HelpdeskError):
    status = 429
    code = "too_many_failures"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class InvalidRefreshToken(HelpdeskError):
    status = 401
    code = "invalid_refresh_token"


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str
    refresh: str


def log_in(*, request: HttpRequest, email: str, password: str) -> User:
    """
    Return the active user whose e-mail and password these are.

    Failures are counted in PostgreSQL by e-mail and address, at every door alike, and told to
    the audit log; successes are not, for each has its refresh token or session.

    :raises WrongCredentials: if they are not, without telling which one is wrong
    :raises TooManyFailures: if this door is closed for a while
    """
    user = authenticate(request, username=email.lower(), password=password)
    if isinstance(user, User):
        return user
    if getattr(request, "axes_locked_out", False):
        raise TooManyFailures(
            "Too many failed logins; wait before you try again.",
            retry_after_seconds=int(settings.AXES_COOLOFF_TIME * 3600),
        )
    audit.record(
        actor=None,
        actor_email=email.lower(),
        action="login.refused",
        target=None,
        request_ip=request.META.get("REMOTE_ADDR"),
        now=timezone.now(),
    )
    raise WrongCredentials("No active user has this e-mail and password.")


def issue_tokens(*, user: User, now: datetime) -> Tokens:
    """Return the first tokens of a new login of `user`."""
    return _issue(user=user, family=uuid.uuid4(), now=now)


def _issue(*, user: User, family: uuid.UUID, now: datetime) -> Tokens:
    refresh = SignedRefreshToken.for_user(user)
    RefreshToken.objects.create(
        jti=uuid.UUID(refresh["jti"]),
        family=family,
        user=user,
        created_at=now,
        expires_at=datetime.fromtimestamp(refresh["exp"], UTC),
    )
    return Tokens(access=str(AccessToken.for_user(user)), refresh=str(refresh))


def refresh_tokens(*, refresh: str, now: datetime) -> Tokens:
    """
    Return new tokens for a refresh token, which is used up by this.

    One of several parallel calls wins. A used token that comes back was stolen or replayed: the
    whole login it belongs to ends (RFC 9700, section 4.14.2).

    :raises InvalidRefreshToken: if it is not valid, used, revoked or its user inactive
    """
    claims, stored = _stored(refresh)
    tokens = _exchange(stored, claims, now)
    if tokens is None:
        _revoke(stored.family, now)
        raise InvalidRefreshToken("This refresh token was used or revoked; log in again.")
    return tokens


@transaction.atomic
def _exchange(stored: RefreshToken, claims: dict[str, Any], now: datetime) -> Tokens | None:
    """
    Use `stored` up and return its successors; None if somebody did before.

    Both in one transaction: a replay waits here until the successor's row is there to be revoked.
    The user's lock makes a deactivation and this take turns: none leaves a token behind.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=stored.user_id)
    won = RefreshToken.objects.filter(
        pk=stored.pk, used_at__isnull=True, revoked_at__isnull=True
    ).update(used_at=now)
    if not won:
        return None
    if not user.is_active:
        raise InvalidRefreshToken("This account is not active.")
    if not is_of_password(claims=claims, user=user):
        raise InvalidRefreshToken("The password was changed; log in again.")
    return _issue(user=user, family=stored.family, now=now)


def is_of_password(*, claims: Mapping[str, Any], user: User) -> bool:
    """Tell whether a token was issued under the password that `user` has now."""
    given = str(claims.get(api_settings.REVOKE_TOKEN_CLAIM, ""))
    return constant_time_compare(given, get_md5_hash_password(user.password))


def log_out(*, refresh: str, now: datetime) -> None:
    """
    End the login that `refresh` belongs to.

    :raises InvalidRefreshToken: if it is not a refresh token of ours, or was used or revoked
    """
    _claims, stored = _stored(refresh)
    if stored.used_at or stored.revoked_at:
        raise InvalidRefreshToken("This refresh token was used or revoked.")
    _revoke(stored.family, now)


def _stored(refresh: str) -> tuple[dict[str, Any], RefreshToken]:
    """Return what a refresh token claims, and its row."""
    try:
        token = SignedRefreshToken(cast("Any", refresh))  # the stub wants a Token, the code text
        return token.payload, RefreshToken.objects.get(pk=uuid.UUID(token["jti"]))
    except (TokenError, RefreshToken.DoesNotExist, ValueError, KeyError) as error:
        raise InvalidRefreshToken("This is not a valid refresh token.") from error


def _revoke(family: uuid.UUID, now: datetime) -> None:
    RefreshToken.objects.filter(family=family, revoked_at__isnull=True).update(revoked_at=now)


def issue_socket_ticket(*, user: User, now: datetime) -> str:
    """Return a pass that opens one WebSocket within the next 30 seconds."""
    ticket = secrets.token_urlsafe(32)
    SocketTicket.objects.create(
        digest=_digest(ticket),
        user=user,
        expires_at=now + timedelta(seconds=SocketTicket.LIFETIME_SECONDS),
    )
    return ticket


@transaction.atomic
def redeem_socket_ticket(*, ticket: str, now: datetime) -> User | None:
    """Return the active user of a ticket and use it up; None if it is used, late or unknown."""
    row = (
        SocketTicket.objects.select_for_update()  # the row goes: no_key would not suffice
        .select_related("user")
        .filter(digest=_digest(ticket))
        .first()
    )
    if row is None:
        return None
    row.delete()
    return row.user if row.is_valid_at(now) and row.user.is_active else None


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
