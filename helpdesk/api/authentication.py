"""Bearer access tokens: short-lived, checked against the user's row at every request."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed
from rest_framework_simplejwt.tokens import Token

from helpdesk.models import User
from helpdesk.selectors import users
from helpdesk.services import accounts


class BearerAuthentication(JWTAuthentication):
    """`Authorization: Bearer <access>`; an inactive user or a bad token is nobody (401)."""

    def get_user(  # type: ignore[override]  # its type variable stands for any user class
        self, validated_token: Token
    ) -> User:
        """
        Return the user of a valid token, as the row is now: a demotion counts at once.

        :raises AuthenticationFailed: if there is no such user, it is not active, or its password
            was changed since
        """
        user_id = str(validated_token.get("user_id", ""))
        user = users.find(user_id=int(user_id)) if user_id.isdecimal() else None
        if user is None or not user.is_active:
            raise AuthenticationFailed("No active user has this token.", code="user_inactive")
        if not accounts.is_of_password(claims=validated_token.payload, user=user):
            raise AuthenticationFailed("The password was changed.", code="password_changed")
        return user


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself by existing
    """How the schema describes `BearerAuthentication`."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
