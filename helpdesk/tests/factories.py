"""Rows for tests; they import nothing but the product."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from django.core.files.base import ContentFile
from factory.django import DjangoModelFactory

from helpdesk.access import Role
from helpdesk.models import Attachment, Contact, Message, Ticket, User

PASSWORD = "correct-horse-42"
LONG_AGO = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@desk.test")
    name = factory.Sequence(lambda n: f"Person {n}")
    role = Role.AGENT
    password = PASSWORD

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return model_class.objects.create_user(*args, **kwargs)


class ContactFactory(DjangoModelFactory[Contact]):
    class Meta:
        model = Contact

    name = factory.Sequence(lambda n: f"Customer {n}")
    channel = "whatsapp"
    address = factory.Sequence(lambda n: f"+55119{n:08}")
    created_at = LONG_AGO


class TicketFactory(DjangoModelFactory[Ticket]):
    class Meta:
        model = Ticket

    subject = factory.Sequence(lambda n: f"Parcel {n} is late")
    channel = "whatsapp"
    contact = factory.SubFactory(ContactFactory)
    created_at = LONG_AGO
    updated_at = LONG_AGO
    last_activity_at = LONG_AGO

    @classmethod
    def _create(cls, model_class: type[Ticket], *args: Any, **kwargs: Any) -> Ticket:
        """Create the row and read it back, for PostgreSQL gives the ticket its number."""
        if kwargs.get("status") == Ticket.Status.RESOLVED:
            kwargs.setdefault("resolved_at", LONG_AGO)
        created = model_class.objects.create(*args, **kwargs)
        return model_class.objects.select_related("contact").get(pk=created.pk)


class MessageFactory(DjangoModelFactory[Message]):
    """A message that is due now; the ticket's counters are kept in step."""

    class Meta:
        model = Message

    ticket = factory.SubFactory(TicketFactory)
    kind = Message.Kind.OUTBOUND
    body = "Your parcel is on its way."
    status = Message.Status.QUEUED
    next_attempt_at = LONG_AGO
    created_at = LONG_AGO

    @classmethod
    def _create(cls, model_class: type[Message], *args: Any, **kwargs: Any) -> Message:
        ticket = kwargs["ticket"]
        ticket.message_seq += 1
        ticket.message_count += 1
        ticket.save(update_fields=["message_seq", "message_count"])
        kwargs.setdefault("seq", ticket.message_seq)
        return model_class.objects.create(*args, **kwargs)


class AttachmentFactory(DjangoModelFactory[Attachment]):
    class Meta:
        model = Attachment

    uploaded_by = factory.SubFactory(UserFactory)
    file = factory.LazyFunction(lambda: ContentFile(b"hello", name="x"))
    filename = "hello.txt"
    size = 5
    content_type = "text/plain"
    sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    created_at = LONG_AGO
