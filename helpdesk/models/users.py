"""People who work here, and the single-use tokens that let them in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from helpdesk.access import Role

STAFF_ROLES = (Role.OWNER, Role.ADMIN)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user who signs in with `email`; OWNER and ADMIN may open the admin."""
        role = Role(fields.pop("role", Role.AGENT))
        user = self.model(email=self.normalize_email(email).lower(), role=role, **fields)
        user.is_staff = role in STAFF_ROLES
        user.is_superuser = role == Role.OWNER
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an OWNER (the name is Django's, for `manage.py createsuperuser`)."""
        return self.create_user(email, password, **{**fields, "role": Role.OWNER})


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in by e-mail; `role` decides what they may do."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(
        max_length=10,
        choices=[(role.value, role.value.title()) for role in Role],
        default=Role.AGENT.value,
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may open the admin", default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="user_role_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]


class RefreshToken(models.Model):
    """One refresh token; a family is a login. A used token seen again ends its family."""

    jti = models.UUIDField(primary_key=True)
    family = models.UUIDField()
    user = models.ForeignKey(User, models.CASCADE, related_name="refresh_tokens")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["family"], name="refresh_family")]

    def __str__(self) -> str:
        return str(self.jti)


class SocketTicket(models.Model):
    """A 30-second, single-use pass that opens a WebSocket. Only its digest is stored."""

    LIFETIME_SECONDS: ClassVar[int] = 30

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="socketticket_expiry")]

    def __str__(self) -> str:
        return self.digest[:8]

    def is_valid_at(self, now: datetime) -> bool:
        return now < self.expires_at
