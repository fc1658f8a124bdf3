"""Messages: what was said, and how far each has travelled."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from helpdesk.models.tickets import Ticket


class Message(models.Model):
    """
    One message of a ticket; while `status` is queued or sending the row is its own outbox.

    A worker claims it for `lease_until`; what is due (`next_attempt_at`) and unclaimed is due
    again, whatever Redis lost. `rung_at` is when a job for it was last put on the queue. `key`
    is the idempotency key that the provider sees at every attempt.
    """

    class Kind(models.TextChoices):
        INBOUND = "inbound"
        OUTBOUND = "outbound"
        NOTE = "note"

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        DELIVERED = "delivered"
        READ = "read"
        FAILED = "failed"

    MAX_BODY_CHARS: ClassVar[int] = 4096

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="messages")
    seq = models.PositiveIntegerField()
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    body = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status.choices)
    provider_id = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - NULL is "not known yet", and unique
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=300, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "seq"], name="message_seq_unique"),
            models.UniqueConstraint(fields=["provider_id"], name="message_provider_id_unique"),
        ]
        indexes = [
            # The sweeper's question: what is due and unclaimed? Tiny, because most rows are done.
            models.Index(
                fields=["next_attempt_at"],
                name="message_due",
                condition=Q(status__in=["queued", "sending"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq} of ticket {self.ticket_id}"


class IdempotencyKey(models.Model):
    """The first answer to a POST that carried an `Idempotency-Key`; unique per user and route."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    response = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "route", "key"], name="idempotency_key_unique"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.key


class DeadLetter(models.Model):
    """A message that gave up: why, and after how many attempts."""

    message = models.OneToOneField(Message, models.CASCADE, related_name="dead_letter")
    reason = models.CharField(max_length=300)
    attempts = models.PositiveSmallIntegerField()
    trace_id = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    redriven_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at"],
                name="deadletter_open",
                condition=Q(redriven_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"dead letter of {self.message}"
