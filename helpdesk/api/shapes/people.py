"""Shapes of users, of the audit log and of dead letters."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from helpdesk.access import Role
from helpdesk.api.serializers import PageQuery, PersonOut, StrictSerializer
from helpdesk.models import Channel, Message
from helpdesk.selectors.dead_letters import STATES

ROLES = [role.value for role in Role]


class _PasswordField(serializers.CharField):
    """A password as it was typed: spaces at its ends are part of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=200,
            trim_whitespace=False,
            style={"input_type": "password"},
            help_text="At least 10 characters, not common, not like the e-mail.",
            **options,
        )


class UserIn(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(choices=ROLES)
    password = _PasswordField()


class UserChanges(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    role = serializers.ChoiceField(choices=ROLES, required=False)
    is_active = serializers.BooleanField(required=False)
    password = _PasswordField(required=False)


class StaffOut(PersonOut):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=ROLES)
    is_active = serializers.BooleanField()
    last_login = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class StaffPageOut(serializers.Serializer[Any]):
    results = StaffOut(many=True)
    next = serializers.URLField(allow_null=True)


class AuditQuery(PageQuery):
    actor = serializers.RegexField(
        r"^(\d{1,18}|[^\s@]+@[^\s@]+)$",
        default="",
        allow_blank=True,
        max_length=254,
        help_text="A user id or an e-mail.",
    )
    action = serializers.CharField(
        default="", allow_blank=True, max_length=60, help_text="Exactly, as in `user.change`."
    )
    target = serializers.RegexField(
        r"^[a-z]{1,40}(:[^\s:]{1,40})?$",
        default="",
        allow_blank=True,
        help_text="A type, or a type and an id, as in `user:7`.",
    )


class ActorOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True)
    email = serializers.CharField(allow_blank=True)


class TargetOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.CharField()


class AuditEntryOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    actor = ActorOut()
    action = serializers.CharField()
    target = TargetOut(allow_null=True)
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    ip = serializers.IPAddressField(allow_null=True)
    trace_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class AuditPageOut(serializers.Serializer[Any]):
    results = AuditEntryOut(many=True)
    next = serializers.URLField(allow_null=True)


class DeadLetterQuery(PageQuery):
    state = serializers.ChoiceField(choices=STATES, default=STATES[0])


class GivenUpMessageOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Message.Status.choices)


class TicketReferenceOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()


class DeadLetterOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    message = GivenUpMessageOut()
    ticket = TicketReferenceOut()
    channel = serializers.ChoiceField(choices=Channel.choices)
    contact = PersonOut()
    reason = serializers.CharField()
    attempts = serializers.IntegerField()
    trace_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    redriven_at = serializers.DateTimeField(allow_null=True)


class DeadLetterPageOut(serializers.Serializer[Any]):
    results = DeadLetterOut(many=True)
    next = serializers.URLField(allow_null=True)
