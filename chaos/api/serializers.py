"""
JSON as in the contract: camelCase outside, our names inside.

Fields are given by `get_fields` so that the public names need not be Python names.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers

from chaos import catalog
from chaos.exercises import Outcome
from chaos.models import Fault

Fields = dict[str, "serializers.Field[Any, Any, Any, Any]"]


class FaultSerializer(serializers.Serializer[Fault]):
    """A fault as it is answered."""

    def get_fields(self) -> Fields:
        return {
            "id": serializers.UUIDField(),
            "target": serializers.CharField(),
            "mode": serializers.CharField(),
            "ttlSec": serializers.IntegerField(source="ttl_seconds"),
            "metadata": serializers.DictField(),
            "createdBy": serializers.CharField(source="created_by"),
            "createdAt": serializers.DateTimeField(source="created_at", default_timezone=dt.UTC),
            "expiresAt": serializers.DateTimeField(source="expires_at", default_timezone=dt.UTC),
        }


class InjectionSerializer(serializers.Serializer[Any]):
    """A fault as it is asked for; an unknown key is refused, for a typo must not be silent."""

    def get_fields(self) -> Fields:
        return {
            "target": serializers.CharField(required=False),
            "mode": serializers.CharField(),
            "ttlSec": serializers.IntegerField(
                source="ttl_seconds", default=catalog.DEFAULT_TTL_SECONDS
            ),
            "metadata": serializers.JSONField(default=dict),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields) - {"csrfmiddlewaretoken"}
        if unknown:
            raise serializers.ValidationError(
                {key: ["No such field; settings of a fault go into metadata."] for key in unknown}
            )
        target = self.context.get("target")
        if attrs.pop("target", target) != target:
            raise serializers.ValidationError({"target": [f"The address says {target}."]})
        return attrs


class ActiveSerializer(serializers.Serializer[Any]):
    """Everything that is armed."""

    active = FaultSerializer(many=True)


class TargetSerializer(serializers.Serializer[Any]):
    """One target's state."""

    target = serializers.CharField()
    active = serializers.BooleanField()
    faults = FaultSerializer(many=True)


class ClearedSerializer(serializers.Serializer[Any]):
    """How many faults were cleared."""

    cleared = serializers.IntegerField()


class OutcomeSerializer(serializers.Serializer[Outcome]):
    """What one exercise met."""

    def get_fields(self) -> Fields:
        return {
            "target": serializers.CharField(),
            "active": serializers.BooleanField(),
            "affected": serializers.BooleanField(),
            "error": serializers.CharField(allow_null=True),
            "latencyMs": serializers.FloatField(source="latency_ms", allow_null=True),
        }
