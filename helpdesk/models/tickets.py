"""Contacts, and the tickets they open."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func, Q, Value


class Channel(models.TextChoices):
    WHATSAPP = "whatsapp", "WhatsApp"
    TELEGRAM = "telegram", "Telegram"
    WEB = "web", "Web"
    EMAIL = "email", "E-mail"


class Contact(models.Model):
    """A customer as one channel knows them: `address` is unique within it."""

    name = models.CharField(max_length=120)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    address = models.CharField(max_length=254)
    opted_out_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "address"], name="contact_address_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


class Ticket(models.Model):
    """
    One conversation with a contact.

    `message_seq` and `event_seq` are counters taken under the row's lock, so both number lines
    have no holes and equal the order of commits. `last_*` repeat the newest message so that a
    page of tickets needs no second query.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        PENDING = "pending"
        RESOLVED = "resolved"
        CLOSED = "closed"

    class Priority(models.TextChoices):
        LOW = "low"
        MEDIUM = "medium"
        HIGH = "high"
        URGENT = "urgent"

    number = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=Func(
            Value("helpdesk_ticket_number"),
            function="nextval",
            output_field=models.BigIntegerField(),
        ),
    )
    subject = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    priority = models.CharField(max_length=10, choices=Priority.choices, default=Priority.MEDIUM)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="tickets")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="tickets"
    )
    follows = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="followed_by"
    )
    tags = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    message_seq = models.PositiveIntegerField(default=0, editable=False)
    event_seq = models.PositiveIntegerField(default=0, editable=False)
    message_count = models.PositiveIntegerField(default=0, editable=False)
    last_message_preview = models.CharField(max_length=140, blank=True, editable=False)
    last_message_direction = models.CharField(max_length=10, blank=True, editable=False)
    last_message_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    last_activity_at = models.DateTimeField()
    first_response_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    seed_key = models.CharField(max_length=40, null=True, unique=True, editable=False)  # noqa: DJ001 - NULL is "not synthetic", and unique

    class Meta:
        indexes = [
            models.Index(fields=["-last_activity_at", "-id"], name="ticket_newest"),
            models.Index(
                fields=["status", "-last_activity_at", "-id"], name="ticket_status_newest"
            ),
            models.Index(
                fields=["assignee", "-last_activity_at", "-id"], name="ticket_assignee_newest"
            ),
            models.Index(
                fields=["channel", "-last_activity_at", "-id"], name="ticket_channel_newest"
            ),
            models.Index(
                fields=["priority", "-last_activity_at", "-id"], name="ticket_priority_newest"
            ),
            GinIndex(fields=["tags"], name="ticket_tags"),
            GinIndex(fields=["subject"], opclasses=["gin_trgm_ops"], name="ticket_subject_trgm"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="resolved") | Q(resolved_at__isnull=False),
                name="ticket_resolved_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.subject}"
