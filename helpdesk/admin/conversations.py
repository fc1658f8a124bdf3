"""Tickets, messages and what became of them."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from helpdesk.admin.base import DeskAdmin, whole
from helpdesk.models import (
    Attachment,
    Channel,
    Contact,
    DeadLetter,
    Event,
    IdempotencyKey,
    Message,
    ProviderEvent,
    Ticket,
)
from helpdesk.services import dead_letters, tickets

_STATUS_COLOURS = {
    "open": "info", "pending": "warning", "resolved": "success", "closed": "",
    "queued": "warning", "sending": "warning", "sent": "info", "delivered": "success",
    "read": "success", "failed": "danger",
}  # fmt: skip


def _by(request: HttpRequest) -> dict[str, Any]:
    """Return what services want to know of who acts, from where and when."""
    return {
        "actor": request.user,
        "request_ip": request.META.get("REMOTE_ADDR"),
        "now": timezone.now(),
    }


@admin.register(Contact)
class ContactAdmin(DeskAdmin):
    list_display = ("name", "channel", "address", "opted_out_at", "created_at")
    list_filter = ("channel",)
    search_fields = ("address",)
    search_by = {"address": str}
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look the address up under every channel: they come first in its index."""
        found, _ = super().get_search_results(request, queryset, search_term)
        return (found.filter(channel__in=Channel.values) if search_term else found), False


@admin.register(Ticket)
class TicketAdmin(DeskAdmin):
    list_display = (
        "number", "subject", "status_badge", "priority", "channel", "contact", "assignee",
        "message_count", "last_activity_at",
    )  # fmt: skip
    list_filter = ("status", "priority", "channel", ("assignee", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("contact", "assignee")
    search_fields = ("number", "subject")
    # A regular expression, because Django's `icontains` asks for UPPER(subject): no index.
    search_by = {"number": whole, "subject__iregex": re.escape}
    ordering = ("-last_activity_at", "-id")
    actions = ("reopen", "wait", "resolve", "close", "take", "release")

    @display(description="status", label=_STATUS_COLOURS)
    def status_badge(self, ticket: Ticket) -> str:
        return ticket.status

    @action(description="Reopen", permissions=["manage"])
    def reopen(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._move(request, chosen, Ticket.Status.OPEN)

    @action(description="Wait for customer", permissions=["manage"])
    def wait(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._move(request, chosen, Ticket.Status.PENDING)

    @action(description="Resolve", permissions=["manage"])
    def resolve(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._move(request, chosen, Ticket.Status.RESOLVED)

    @action(description="Close", permissions=["manage"])
    def close(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._move(request, chosen, Ticket.Status.CLOSED)

    @action(description="Assign to me", permissions=["manage"])
    def take(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._assign(request, chosen, request.user.pk)

    @action(description="Assign to nobody", permissions=["manage"])
    def release(self, request: HttpRequest, chosen: QuerySet[Ticket]) -> None:
        self._assign(request, chosen, None)

    def _move(self, request: HttpRequest, chosen: QuerySet[Ticket], status: str) -> None:
        move = partial(tickets.move, status=status, **_by(request))
        self.do_each(request, chosen, lambda key: move(ticket_id=key))

    def _assign(self, request: HttpRequest, chosen: QuerySet[Ticket], user_id: int | None) -> None:
        assign = partial(
            tickets.change, changes={"assignee": user_id}, version=None, **_by(request)
        )
        self.do_each(request, chosen, lambda key: assign(ticket_id=key))


@admin.register(Message)
class MessageAdmin(DeskAdmin):
    list_display = (
        "id", "ticket", "seq", "kind", "status_badge", "attempts", "created_at", "error",
    )  # fmt: skip
    list_filter = ("kind", "status")
    list_select_related = ("ticket",)
    search_fields = ("key", "provider_id")
    search_by = {"key": UUID, "provider_id": str, "id": whole}
    search_help_text = "The id, the key the provider saw, or the provider's own id."
    ordering = ("-id",)

    @display(description="status", label=_STATUS_COLOURS)
    def status_badge(self, message: Message) -> str:
        return message.status


@admin.register(DeadLetter)
class DeadLetterAdmin(DeskAdmin):
    list_display = ("message", "reason", "attempts", "created_at", "redriven_at")
    list_select_related = ("message",)
    list_filter = (("redriven_at", admin.EmptyFieldListFilter),)
    search_by = {"message_id": whole}
    search_help_text = "The id of the message."
    ordering = ("-id",)
    actions = ("redrive",)

    @action(description="Send again", permissions=["manage"])
    def redrive(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        again = partial(dead_letters.redrive, **_by(request))
        self.do_each(request, chosen, lambda key: again(dead_letter_id=key))


@admin.register(Attachment)
class AttachmentAdmin(DeskAdmin):
    list_display = ("filename", "content_type", "size", "message", "uploaded_by", "created_at")
    list_select_related = ("message", "uploaded_by")
    search_by = {"message_id": whole}
    search_help_text = "The id of the message."
    exclude = ("file",)  # downloads go through the API, which sets their headers
    ordering = ("-id",)


@admin.register(ProviderEvent)
class ProviderEventAdmin(DeskAdmin):
    list_display = ("webhook_id", "type", "received_at", "processed_at", "attempts", "error")
    search_by = {"webhook_id": str}
    ordering = ("-id",)


@admin.register(Event)
class EventAdmin(DeskAdmin):
    list_display = ("id", "type", "ticket", "seq", "occurred_at", "trace_id")
    list_select_related = ("ticket",)
    search_by = {"ticket_id": whole}
    search_help_text = "The id of the ticket."
    ordering = ("-id",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(DeskAdmin):
    list_display = ("key", "user", "route", "created_at")
    list_select_related = ("user",)
    search_by = {"user_id": whole}
    search_help_text = "The id of the user."
    ordering = ("-id",)
