"""Shapes of the dashboard and of the settings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from helpdesk.api.serializers import StrictSerializer
from helpdesk.models import Campaign, Channel, Ticket
from helpdesk.selectors.settings import CATALOGUE, Choice, Kind, Text, Whole, WholeByName


class LiveTicketsOut(serializers.Serializer[Any]):
    open = serializers.IntegerField()
    pending = serializers.IntegerField()
    unassigned = serializers.IntegerField()
    awaiting_reply = serializers.IntegerField(
        help_text="Open, and the contact wrote the last message."
    )
    first_response_overdue = serializers.IntegerField(
        help_text="Not answered yet, for longer than `first_response_target_minutes` allows."
    )


class TodayOut(serializers.Serializer[Any]):
    tickets_created = serializers.IntegerField()
    tickets_resolved = serializers.IntegerField()
    messages_in = serializers.IntegerField()
    messages_out = serializers.IntegerField()
    messages_failed = serializers.IntegerField()


class QuantilesOut(serializers.Serializer[Any]):
    """The means of the days' own quantiles, weighed by the tickets of each day."""

    p50_seconds = serializers.FloatField(allow_null=True)
    p90_seconds = serializers.FloatField(allow_null=True)
    counted = serializers.IntegerField(help_text="Tickets that this was counted from.")
    days = serializers.IntegerField(help_text="Days that had any.")


class CampaignProgressOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    total = serializers.IntegerField()
    pending = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()


class DayOut(TodayOut):
    date = serializers.DateField()
    first_responses = serializers.IntegerField()
    first_response_p50_seconds = serializers.FloatField(allow_null=True)
    first_response_p90_seconds = serializers.FloatField(allow_null=True)
    resolution_p50_seconds = serializers.FloatField(allow_null=True)
    resolution_p90_seconds = serializers.FloatField(allow_null=True)


class _Counts(serializers.Serializer[Any]):
    """A number for every one of `names`."""

    names: tuple[str, ...] = ()

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.IntegerField() for name in self.names}


class ByChannelOut(_Counts):
    names = tuple(Channel.values)


class ByPriorityOut(_Counts):
    names = tuple(Ticket.Priority.values)


class DashboardOut(serializers.Serializer[Any]):
    desk_name = serializers.CharField()
    generated_at = serializers.DateTimeField()
    tickets = LiveTicketsOut()
    by_channel = ByChannelOut(help_text="Open and pending tickets.")
    by_priority = ByPriorityOut(help_text="Open and pending tickets.")
    today = TodayOut(help_text="Since midnight, UTC.")
    first_response = QuantilesOut(help_text="Over the last 30 days.")
    resolution = QuantilesOut(help_text="Over the last 30 days.")
    campaigns = CampaignProgressOut(many=True)
    days = DayOut(many=True, help_text="The last 30 days that have numbers, today the last.")


class WholeByNameField(StrictSerializer):
    """A whole number for every name of `kind`."""

    def __init__(self, *args: Any, kind: WholeByName, **options: Any) -> None:
        super().__init__(*args, help_text=kind.help, **options)
        self._kind = kind

    def get_fields(self) -> dict[str, Any]:
        low, high = self._kind.low, self._kind.high
        return {
            name: serializers.IntegerField(min_value=low, max_value=high)
            for name in self._kind.default
        }


def _field(kind: Kind, **options: Any) -> serializers.Field[Any, Any, Any, Any]:
    if isinstance(kind, Text):
        return serializers.CharField(max_length=kind.max_chars, help_text=kind.help, **options)
    if isinstance(kind, Whole):
        return serializers.IntegerField(
            min_value=kind.low, max_value=kind.high, help_text=kind.help, **options
        )
    if isinstance(kind, Choice):
        return serializers.ChoiceField(choices=kind.values, help_text=kind.help, **options)
    return WholeByNameField(kind=kind, **options)


class SettingsIn(StrictSerializer):
    """Any of the settings; what there are is in `selectors.settings`."""

    def get_fields(self) -> dict[str, Any]:
        return {key: _field(kind, required=False) for key, kind in CATALOGUE.items()}


class SettingsOut(serializers.Serializer[Any]):
    """Every setting as it is now."""

    def get_fields(self) -> dict[str, Any]:
        return {key: _field(kind) for key, kind in CATALOGUE.items()}
