"""The journal that feeds sockets: what happened, in an order that nobody can miss."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Func

from helpdesk.models.tickets import Ticket


class CurrentTransaction(Func):
    """The 64-bit id of the running transaction, which PostgreSQL never reuses."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field: ClassVar[models.Field] = models.BigIntegerField()  # type: ignore[type-arg]


class Event(models.Model):
    """
    One thing that happened.

    `seq` counts the events of a ticket under its row lock: no holes, commit order. The global
    order is (`transaction`, `id`): a reader stops before the oldest transaction still running,
    so an event that commits late is never skipped (a plain `id > last` loses nearly half). Events
    of one ticket have the same order in both (see `services.journal`).
    """

    ticket = models.ForeignKey(Ticket, models.CASCADE, null=True, related_name="events")
    seq = models.PositiveIntegerField(null=True)
    transaction = models.BigIntegerField(db_default=CurrentTransaction())
    type = models.CharField(max_length=30)
    data = models.JSONField()
    trace_id = models.CharField(max_length=32, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "seq"], name="event_seq_unique"),
        ]
        indexes = [models.Index(fields=["transaction", "id"], name="event_global_order")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq or ''}".strip()
