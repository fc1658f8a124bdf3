"""Shapes of campaigns and their recipients."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from helpdesk.api.serializers import CommaList, ContactOut, PageQuery, PersonOut, StrictSerializer
from helpdesk.models import Campaign, CampaignRecipient, Channel, Message
from helpdesk.services.campaign_audience import MAX_AUDIENCE

MAX_RATE: Final = 500


class CampaignQuery(PageQuery):
    status = CommaList(child=serializers.ChoiceField(choices=Campaign.Status.choices), default=list)


class RecipientQuery(PageQuery):
    status = CommaList(
        child=serializers.ChoiceField(choices=CampaignRecipient.Status.choices), default=list
    )


class AudienceIn(StrictSerializer):
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    tag = serializers.CharField(
        max_length=30, required=False, help_text="Contacts who have a ticket with this tag."
    )
    q = serializers.CharField(
        max_length=100, required=False, help_text="Contacts whose name or address holds this."
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=MAX_AUDIENCE,
        required=False,
        help_text="At most so many, the oldest contacts first.",
    )


class CampaignIn(StrictSerializer):
    name = serializers.CharField(max_length=120)
    channel = serializers.ChoiceField(
        choices=Channel.choices, required=False, help_text="May be said in `audience` instead."
    )
    body = serializers.CharField(
        max_length=Message.MAX_BODY_CHARS, help_text="`{name}` becomes the contact's name."
    )
    audience = AudienceIn(required=False)
    rate_per_second = serializers.IntegerField(min_value=1, max_value=MAX_RATE, default=20)
    error_ratio_limit = serializers.FloatField(
        min_value=0,
        max_value=1,
        default=0.2,
        help_text="When more than this share of the last 50 attempts failed, it pauses itself.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the fields with the channel where the audience has it."""
        channel = attrs.pop("channel", None)
        audience = {**attrs.get("audience", {})}
        said = audience.setdefault("channel", channel)
        if said is None:
            raise serializers.ValidationError({"channel": ["Say which channel to write on."]})
        if channel not in (None, said):
            raise serializers.ValidationError({"channel": [f"The audience says {said}."]})
        return {**attrs, "audience": audience}


class CountersOut(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    pending = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()


class AudienceOut(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    tag = serializers.CharField(required=False)
    q = serializers.CharField(required=False)
    limit = serializers.IntegerField(required=False)


class CampaignOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    body = serializers.CharField()
    rate_per_second = serializers.IntegerField()
    error_ratio_limit = serializers.FloatField()
    audience = AudienceOut()
    pause_reason = serializers.CharField(allow_null=True)
    counters = CountersOut()
    created_by = PersonOut(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class CampaignPageOut(serializers.Serializer[Any]):
    results = CampaignOut(many=True)
    next = serializers.URLField(allow_null=True)


class RecipientOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    contact = ContactOut()
    key = serializers.UUIDField(help_text="The Idempotency-Key of every attempt.")
    body = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=CampaignRecipient.Status.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    failed_at = serializers.DateTimeField(allow_null=True)


class RecipientPageOut(serializers.Serializer[Any]):
    results = RecipientOut(many=True)
    next = serializers.URLField(allow_null=True)
