"""Shapes: what a body or a query may hold, and what answers look like. They only shape."""

from __future__ import annotations

import re
from typing import Any, cast

from rest_framework import serializers
from rest_framework.utils import html

from helpdesk.access import Role
from helpdesk.models import Attachment, Channel, Message, Ticket
from helpdesk.selectors.keyset import DEFAULT_LIMIT, MAX_LIMIT


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, so that a typo is an error and not a silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(_names(data) - set(self.fields) - {"csrfmiddlewaretoken"})
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError(
                    {name: [f"Unknown field; known are: {known}."] for name in unknown}
                )
        return super().to_internal_value(data)


def _names(data: dict[str, Any]) -> set[str]:
    """Return the names of fields; a form writes inner ones as `contact.name`, `tags[0]`."""
    if html.is_html_input(data):
        return {re.split(r"[.\[]", name)[0] for name in data}
    return set(data)


class CutInteger(serializers.IntegerField):
    """A page size: over the maximum it is cut to it, as the contract says."""

    def to_internal_value(self, data: Any) -> int:
        return min(super().to_internal_value(data), MAX_LIMIT)


class PageQuery(serializers.Serializer[Any]):
    limit = CutInteger(min_value=1, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(default="", allow_blank=True)


class CommaList(serializers.ListField):
    """A parameter given several times, with commas, or both; in a form, one to choose from."""

    def iter_options(self) -> Any:
        return cast("serializers.ChoiceField", self.child).iter_options()

    def to_internal_value(self, data: Any) -> list[Any]:
        return super().to_internal_value(
            [part for item in data for part in item.split(",") if part]
        )


def _manyof(choices: Any) -> CommaList:
    return CommaList(
        child=serializers.ChoiceField(choices=choices),
        default=list,
        style={"base_template": "select_multiple.html"},
    )


class TicketQuery(PageQuery):
    status = _manyof(Ticket.Status.choices)
    priority = _manyof(Ticket.Priority.choices)
    channel = _manyof(Channel.choices)
    assignee = serializers.RegexField(r"^(me|none|\d{1,18})$", default="", allow_blank=True)
    tag = serializers.CharField(default="", allow_blank=True, max_length=30)
    q = serializers.CharField(default="", allow_blank=True, max_length=100)


class MessageQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    limit = CutInteger(min_value=1, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(default="", allow_blank=True)


class EventQuery(serializers.Serializer[Any]):
    ticket = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    after = serializers.CharField(default="", allow_blank=True)
    limit = CutInteger(min_value=1, default=MAX_LIMIT)


class ContactIn(StrictSerializer):
    name = serializers.CharField(max_length=120)
    address = serializers.CharField(max_length=254)


class TicketIn(StrictSerializer):
    subject = serializers.CharField(max_length=200)
    channel = serializers.ChoiceField(choices=Channel.choices)
    priority = serializers.ChoiceField(
        choices=Ticket.Priority.choices,
        required=False,
        help_text="Without it, the `default_priority` of the settings.",
    )
    contact = ContactIn()
    body = serializers.CharField(
        max_length=Message.MAX_BODY_CHARS, required=False, allow_blank=True, default=""
    )


class TicketChanges(StrictSerializer):
    subject = serializers.CharField(max_length=200, required=False)
    priority = serializers.ChoiceField(choices=Ticket.Priority.choices, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=30), max_length=20, required=False
    )
    assignee = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, allow_null=True, required=False
    )


class MoveIn(StrictSerializer):
    status = serializers.ChoiceField(choices=Ticket.Status.choices)


class MessageIn(StrictSerializer):
    body = serializers.CharField(
        max_length=Message.MAX_BODY_CHARS, required=False, allow_blank=True, default=""
    )
    kind = serializers.ChoiceField(
        choices=[Message.Kind.OUTBOUND, Message.Kind.NOTE], default=Message.Kind.OUTBOUND
    )
    attachments = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        max_length=Attachment.MAX_PER_MESSAGE,
        default=list,
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["body"] and not attrs["attachments"]:
            raise serializers.ValidationError({"body": ["Write something or attach a file."]})
        return attrs


class LoginIn(StrictSerializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}
    )


class RefreshIn(StrictSerializer):
    refresh = serializers.CharField(max_length=2000)


class UploadIn(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True)


# What answers look like: these describe the shapes that selectors return, for the schema.


class PersonOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class UserOut(PersonOut):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=[role.value for role in Role])


class LoginOut(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    user = UserOut()


class TokensOut(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SocketTicketOut(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


class ContactOut(PersonOut):
    address = serializers.CharField()


class LastMessageOut(serializers.Serializer[Any]):
    preview = serializers.CharField()
    direction = serializers.CharField()
    created_at = serializers.DateTimeField()


class TicketOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=Ticket.Status.choices)
    priority = serializers.ChoiceField(choices=Ticket.Priority.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    contact = ContactOut()
    assignee = PersonOut(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    last_message = LastMessageOut(allow_null=True)
    message_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_activity_at = serializers.DateTimeField()
    first_response_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)


class TicketPageOut(serializers.Serializer[Any]):
    results = TicketOut(many=True)
    next = serializers.URLField(allow_null=True)


class AttachmentOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    filename = serializers.CharField()
    size = serializers.IntegerField()
    content_type = serializers.CharField()
    sha256 = serializers.CharField()


class MessageOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ticket = serializers.IntegerField()
    seq = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Message.Kind.choices)
    body = serializers.CharField(allow_blank=True)
    author = PersonOut(allow_null=True)
    status = serializers.ChoiceField(choices=Message.Status.choices)
    attachments = AttachmentOut(many=True)
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    failed_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class MessagePageOut(serializers.Serializer[Any]):
    results = MessageOut(many=True)
    next = serializers.URLField(allow_null=True)


class EventOut(serializers.Serializer[Any]):
    seq = serializers.IntegerField(allow_null=True)
    cursor = serializers.CharField()
    type = serializers.CharField()
    ticket = serializers.IntegerField(allow_null=True)
    occurred_at = serializers.DateTimeField()
    trace_id = serializers.CharField(allow_blank=True)
    data = serializers.DictField()  # type: ignore[assignment]  # the frame's own word


class EventPageOut(serializers.Serializer[Any]):
    results = EventOut(many=True)
    next = serializers.URLField(allow_null=True)


class ProblemOut(serializers.Serializer[Any]):
    """RFC 9457 problem document."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    trace_id = serializers.CharField()
    errors = serializers.DictField(required=False)  # type: ignore[assignment]  # RFC 9457 extension
