"""Campaigns: one text to many contacts, one row a recipient."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from helpdesk.models.tickets import Channel, Contact


class Campaign(models.Model):
    """
    One text to an audience that is written down once, when the campaign first starts.

    `status` is read at every claim, so a pause holds within one claim. `error_ratio_limit` pauses
    it by itself, with `pause_reason`, when more than that share of the attempts failed:
    `recent_attempts` holds the outcomes of the last ones, newest last. `bucket_at` is the token
    bucket that all workers share (see `helpdesk.services.token_bucket`). `rung_at` is when a
    dispatcher was last called, empty once it came. `is_changed` waits to be announced.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        RUNNING = "running"
        PAUSED = "paused"
        FINISHED = "finished"
        CANCELLED = "cancelled"

    name = models.CharField(max_length=120)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    body = models.TextField(help_text="May hold {name}, the contact's name.")
    audience = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    rate_per_second = models.PositiveSmallIntegerField(default=20)
    error_ratio_limit = models.DecimalField(max_digits=4, decimal_places=3, default=0.2)
    pause_reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    bucket_at = models.DateTimeField(null=True, editable=False)
    recent_attempts = models.CharField(max_length=50, blank=True, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
    is_changed = models.BooleanField(default=False, editable=False)
    announced_at = models.DateTimeField(null=True, editable=False)
    seed_key = models.CharField(max_length=40, null=True, unique=True, editable=False)  # noqa: DJ001 - NULL is "not synthetic", and unique

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="campaign_running", condition=Q(status="running")),
            models.Index(fields=["id"], name="campaign_changed", condition=Q(is_changed=True)),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignRecipient(models.Model):
    """
    One contact of a campaign: its own outbox row, with the words it gets frozen.

    Claimed for `lease_until`; a crash gives it back when the lease ends. `key` is the idempotency
    key that the provider sees at every attempt.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        DELIVERED = "delivered"
        FAILED = "failed"
        SKIPPED = "skipped"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="recipients")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+")
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=100, blank=True)
    error = models.CharField(max_length=300, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "contact"], name="recipient_unique"),
        ]
        indexes = [
            models.Index(fields=["campaign", "id"], name="recipient_of_campaign"),
            models.Index(fields=["campaign", "status", "id"], name="recipient_by_status"),
            models.Index(
                fields=["campaign", "next_attempt_at", "id"],
                name="recipient_due",
                condition=Q(status="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} in {self.campaign}"
