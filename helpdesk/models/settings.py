"""Settings that people change while the helpdesk runs, and the numbers of each day."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Setting(models.Model):
    """One setting; what keys there are, and what each may hold, is in `selectors.settings`."""

    key = models.CharField(max_length=50, primary_key=True)
    value = models.JSONField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class SettingsVersion(models.Model):
    """One row that every write of a setting counts up; it keys the cache, which so never lies."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_settings_version")
        ]

    def __str__(self) -> str:
        return str(self.version)


class DailyMetric(models.Model):
    """
    What happened on one day (UTC), for charts.

    Durations are the P50 and P90, in seconds, of the `first_responses` given and the
    `tickets_resolved` on the day.
    """

    date = models.DateField(primary_key=True)
    tickets_created = models.PositiveIntegerField(default=0)
    tickets_resolved = models.PositiveIntegerField(default=0)
    messages_in = models.PositiveIntegerField(default=0)
    messages_out = models.PositiveIntegerField(default=0)
    messages_failed = models.PositiveIntegerField(default=0)
    first_responses = models.PositiveIntegerField(default=0)
    first_response_p50_seconds = models.FloatField(null=True)
    first_response_p90_seconds = models.FloatField(null=True)
    resolution_p50_seconds = models.FloatField(null=True)
    resolution_p90_seconds = models.FloatField(null=True)
    is_synthetic = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.date)
