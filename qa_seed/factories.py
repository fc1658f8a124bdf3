"""
Single rows in the seed's own words, for tests that need a believable conversation or two.

They share the grammar and the people of `seed_qa`, but carry no `seed_key`, so `--wipe` never
takes them.
"""

# mypy: disable-error-code="no-untyped-call"
# factory_boy types what factories return, not the declarations in them.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import factory
from factory.django import DjangoModelFactory

from helpdesk.access import Role
from helpdesk.models import Contact, Message, Ticket, User
from qa_seed.dice import dice_of
from qa_seed.grammar import language
from qa_seed.people import customer, first_name
from qa_seed.plan import Plan
from qa_seed.turns import Turn, Voice, script

LONG_AGO: Final = datetime(2026, 3, 2, 13, 15, tzinfo=UTC)
BETWEEN_MESSAGES: Final = timedelta(minutes=12)
_PLAN: Final = Plan(
    seed=0, users=4, tickets=0, messages_per_ticket=1, campaigns=0, now=LONG_AGO
)  # fmt: skip


class UserFactory(DjangoModelFactory[User]):
    """An agent who cannot sign in; traits: `is_owner`, `is_viewer`."""

    class Meta:
        model = User

    class Params:
        is_owner = factory.Trait(role=Role.OWNER, is_staff=True, is_superuser=True)
        is_viewer = factory.Trait(role=Role.VIEWER)

    email = factory.Sequence(lambda n: f"pessoa.{n}@oficina.test")
    name = factory.Sequence(lambda n: customer(_PLAN, n).name)
    role = Role.AGENT
    password = "!"  # noqa: S105 - Django's mark of an account without a password


class ContactFactory(DjangoModelFactory[Contact]):
    """A customer of the grammar's; trait: `has_opted_out`."""

    class Meta:
        model = Contact

    class Params:
        who = factory.Sequence(lambda n: customer(_PLAN, n))
        has_opted_out = factory.Trait(opted_out_at=LONG_AGO)

    name = factory.SelfAttribute("who.name")
    channel = factory.SelfAttribute("who.channel")
    address = factory.SelfAttribute("who.address")
    created_at = LONG_AGO


class TicketFactory(DjangoModelFactory[Ticket]):
    """
    A ticket with its messages, 12 minutes apart; traits: `is_answered`, `is_resolved`, `is_urgent`.

    Without a trait it holds what its customer wrote first.
    """

    class Meta:
        model = Ticket

    class Params:
        number_in_line = factory.Sequence(lambda n: n)
        is_answered = factory.Trait(length=2, status=Ticket.Status.PENDING)
        is_resolved = factory.Trait(length=3, status=Ticket.Status.RESOLVED)
        is_urgent = factory.Trait(priority=Ticket.Priority.URGENT)

    length = 1
    voice = factory.LazyAttribute(lambda this: _voice(this.number_in_line, this.contact.name))
    contact = factory.SubFactory(ContactFactory)
    assignee = factory.SubFactory(UserFactory)
    channel = factory.SelfAttribute("contact.channel")
    subject = factory.LazyAttribute(lambda this: this.voice.subject())
    tags = factory.LazyAttribute(lambda this: this.voice.intent.tags)
    created_at = LONG_AGO

    @classmethod
    def _create(cls, model_class: type[Ticket], *args: Any, **fields: Any) -> Ticket:
        """Create the ticket with its messages, in step with each other."""
        voice = fields.pop("voice")
        turns = script(voice, fields.pop("length"))
        ticket = cast("Any", model_class)(*args, **fields)
        said = [_message(ticket, voice, turn, seq) for seq, turn in enumerate(turns, start=1)]
        _summarise(ticket, said)
        ticket.save(force_insert=True)
        Message.objects.bulk_create(said)
        return model_class.objects.select_related("contact", "assignee").get(pk=ticket.pk)


def _voice(number: int, name: str) -> Voice:
    dice = dice_of(_PLAN.seed, "factory", number)
    words = language("pt")
    intent = words.intents[number % len(words.intents)]
    return Voice(dice, words, intent, name=name, at=LONG_AGO)


def _message(ticket: Ticket, voice: Voice, turn: Turn, seq: int) -> Message:
    at = ticket.created_at + (seq - 1) * BETWEEN_MESSAGES
    agent = ticket.assignee if turn.kind == Message.Kind.OUTBOUND else None
    return Message(
        ticket=ticket,
        seq=seq,
        kind=turn.kind,
        body=voice.spoken(turn, agent=first_name(agent.name) if agent else "", at=at),
        author=agent,
        status=Message.Status.DELIVERED,
        created_at=at,
        delivered_at=at,
    )


def _summarise(ticket: Ticket, said: list[Message]) -> None:
    last = said[-1]
    answers = [message.created_at for message in said if message.kind == Message.Kind.OUTBOUND]
    ticket.message_seq = ticket.message_count = len(said)
    ticket.last_message_preview = last.body[:140]
    ticket.last_message_direction = last.kind
    ticket.last_message_at = ticket.updated_at = ticket.last_activity_at = last.created_at
    ticket.first_response_at = answers[0] if answers else None
    if ticket.status == Ticket.Status.RESOLVED:
        ticket.resolved_at = ticket.updated_at = ticket.last_activity_at = last.created_at
