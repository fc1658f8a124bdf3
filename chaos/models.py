"""Faults that were armed, and an append-only account of who did what."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone


class AppendOnly(Exception):
    """An entry of the audit was about to be changed or deleted."""


class Fault(models.Model):
    """One fault that somebody armed; it ends at `expires_at` or when it is cleared."""

    class End(models.TextChoices):
        NONE = "", "Not ended"
        CLEARED = "cleared", "Cleared"
        EXPIRED = "expired", "Expired"
        HALTED = "halted", "Halted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.CharField(max_length=20)
    mode = models.CharField(max_length=20)
    ttl_seconds = models.PositiveIntegerField("TTL in seconds")
    metadata = models.JSONField(default=dict, blank=True)
    hits = models.PositiveIntegerField(default=0, help_text="Calls that it hit, in all processes.")
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=10, choices=End.choices, default=End.NONE, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"], name="chaos_fault_open", condition=Q(ended_at__isnull=True)
            ),
            models.Index(fields=["-created_at", "-id"], name="chaos_fault_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ttl_seconds__gte=1), name="chaos_fault_has_ttl"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end="")
                | (Q(ended_at__isnull=False) & ~Q(end="")),
                name="chaos_fault_end_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}/{self.mode}"

    @property
    def is_active(self) -> bool:
        return self.ended_at is None and self.expires_at > timezone.now()

    @property
    def remaining_seconds(self) -> int:
        """Whole seconds left, rounded up; 0 when it is over."""
        if not self.is_active:
            return 0
        return max(1, round((self.expires_at - timezone.now()).total_seconds()))

    @property
    def settings_text(self) -> str:
        """Its metadata but for the reason, for people."""
        shown = {key: value for key, value in self.metadata.items() if key != "reason"}
        return ", ".join(f"{key} {value}" for key, value in shown.items()) or "defaults"

    @property
    def over_at(self) -> dt.datetime:
        """When it ended or, while nobody has noted that, when its time was over."""
        return self.ended_at or self.expires_at

    @property
    def remaining_percent(self) -> int:
        """How much of its time is left, for a bar."""
        return round(100 * self.remaining_seconds / self.ttl_seconds)


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Rows that can be added and read. The database refuses the rest as well."""

    def update(self, **_values: Any) -> NoReturn:
        raise AppendOnly("Entries of the audit are never changed.")

    def delete(self) -> NoReturn:
        raise AppendOnly("Entries of the audit are never deleted.")


class AuditEntry(models.Model):
    """One thing that somebody did to a fault, or that time did."""

    class Action(models.TextChoices):
        CREATED = "created", "Created"
        CLEARED = "cleared", "Cleared"
        EXPIRED = "expired", "Expired"
        HALTED = "halted", "Halted"

    at = models.DateTimeField()
    action = models.CharField(max_length=10, choices=Action.choices)
    # No foreign key: the entry outlives the fault and the user it tells of.
    fault_id = models.UUIDField()
    target = models.CharField(max_length=20)
    mode = models.CharField(max_length=20)
    actor = models.CharField(max_length=254)
    actor_user_id = models.CharField("actor's user id", max_length=64, blank=True)
    ip = models.GenericIPAddressField("IP address", null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [models.Index(fields=["fault_id"], name="chaos_audit_of_fault")]

    def __str__(self) -> str:
        return f"{self.action} {self.target}/{self.mode} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Entries of the audit are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnly("Entries of the audit are never deleted.")


class ExperimentRun(models.Model):
    """One run of an experiment: what was promised, what was seen, and the verdict."""

    class Status(models.TextChoices):
        GATING = "gating", "Gating"
        INJECTING = "injecting", "Injecting"
        OBSERVING = "observing", "Observing"
        RECOVERING = "recovering", "Recovering"
        PASSED = "passed", "Passed"
        DEVIATED = "deviated", "Deviated"
        INCONCLUSIVE = "inconclusive", "Inconclusive"
        ABORTED = "aborted", "Aborted"
        INTERRUPTED = "interrupted", "Interrupted"

    LIVING = (Status.GATING, Status.INJECTING, Status.OBSERVING, Status.RECOVERING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    hypothesis = models.TextField()
    definition = models.JSONField()
    status = models.CharField(max_length=12, choices=Status.choices)
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=254)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Last sign of life of its runner.")
    ended_at = models.DateTimeField(null=True, blank=True)
    fault_ended_at = models.DateTimeField(null=True, blank=True)
    mttr_seconds = models.FloatField("seconds to recover", null=True, blank=True)
    hits = models.PositiveIntegerField(default=0)
    lines = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["-started_at", "-id"], name="chaos_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at:%Y-%m-%d %H:%M:%S}"

    @property
    def duration_seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


class ExperimentEvent(models.Model):
    """One line of a run's timeline."""

    class Kind(models.TextChoices):
        STATE = "state", "State"
        FAULT = "fault", "Fault"
        SAMPLE = "sample", "Sample"

    run = models.ForeignKey(ExperimentRun, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    offset_seconds = models.FloatField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.CharField(max_length=500)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.offset_seconds:.1f} s {self.text}"
