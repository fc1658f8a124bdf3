"""
Drafts become rows: in bulk, batch by batch, each batch whole or not at all.

What exists already is recognised by its natural key (`seed_key`, the staff's e-mail, a contact's
channel and address) and left as it is, so a repeat writes nothing and an interrupted run resumes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Final

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from helpdesk.access import Role
from helpdesk.models import (
    Attachment,
    Campaign,
    CampaignRecipient,
    Contact,
    DeadLetter,
    Message,
    Ticket,
    User,
)
from helpdesk.models.users import STAFF_ROLES
from qa_seed import bulk, furnish
from qa_seed.campaigns import CampaignDraft, RecipientDraft
from qa_seed.copying import copy_in, copy_lines, take_ids
from qa_seed.documents import library
from qa_seed.lines import ATTACHMENT, DEAD_LETTER, MESSAGE, TICKET, Batch, Scribe, Written
from qa_seed.people import PASSWORD, Colleague, Customer
from qa_seed.plan import Plan
from qa_seed.surroundings import Surroundings

COUNTED: Final = (
    "users", "contacts", "tickets", "messages", "attachments", "dead letters", "campaigns",
    "recipients", *furnish.COUNTED,
)  # fmt: skip
_LOCK: Final = 7_140_001  # any number that nobody else locks
_TABLES: Final = (User, Contact, Ticket, Message, Attachment, Campaign, CampaignRecipient)


@contextmanager
def alone() -> Iterator[None]:
    """Hold a transaction in which no other seed writes; it may take longer than a request."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


class Store:
    """Writes drafts and counts what is new in `created`, by the plural of its model."""

    def __init__(self) -> None:
        self.created: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.user_ids: dict[str, int] = {}

    def add_files(self) -> None:
        """Store each document of the library once, under the digest of its bytes."""
        for document in library():
            if not default_storage.exists(document.storage_name):
                default_storage.save(document.storage_name, ContentFile(document.content))

    def add_staff(self, colleagues: list[Colleague]) -> None:
        """Create the accounts that do not exist yet; all share one password, hashed once."""
        with alone():
            known = missing_staff(colleagues)
            users = [_user(person, self._password_hash) for person in known]
            copy_in(users)
        self.created["users"] += len(users)
        emails = User.objects.filter(email__in=[person.email for person in colleagues])
        self.user_ids = dict(emails.values_list("email", "pk"))

    @cached_property
    def _password_hash(self) -> str:
        return make_password(PASSWORD)

    def add_tickets(self, written: list[Written]) -> None:
        """Create those of `written` that do not exist yet, with everything that hangs on them."""
        with alone():
            written = missing_tickets(written)
            drafts = [one.draft for one in written]
            contact_ids = self._contact_ids({d.customer_index: d.customer for d in drafts})
            scribe = Scribe(self.user_ids)
            for one, ticket_id in zip(written, take_ids(Ticket, len(written)), strict=True):
                contact_id = contact_ids[one.draft.customer_index]
                scribe.add(one, ticket_id=ticket_id, contact_id=contact_id)
            self._copy(scribe.batch)

    def load_tickets(
        self, plan: Plan, numbers: Iterator[int], tell: Callable[[int], None]
    ) -> int | None:
        """Fill an empty desk with many tickets; return None if it is not empty, or they are few."""
        if plan.all_tickets < bulk.WORTH_IT_FROM:
            return None
        with alone():
            if not bulk.is_possible():
                return None
            created, digest = bulk.load(plan, numbers, self.user_ids, tell=tell)
        self.created.update(created)
        return digest

    def _copy(self, batch: Batch) -> None:
        copy_lines(Ticket, TICKET, batch.tickets)
        ids = take_ids(Message, len(batch.messages))
        said = [f"{pk}\t{line}" for pk, line in zip(ids, batch.messages, strict=True)]
        copy_lines(Message, ("id", *MESSAGE), said)
        for model, columns, parts in (
            (Attachment, ATTACHMENT, batch.attachments),
            (DeadLetter, DEAD_LETTER, batch.dead_letters),
        ):
            copy_lines(model, columns, [f"{ids[place]}\t{line}" for place, line in parts])
        self.created.update(batch.counts)

    def _contact_ids(self, customers: dict[int, Customer]) -> dict[int, int]:
        """Return the contact's id of every customer, creating those that nobody knows yet."""
        known = known_contacts(customers.values())
        missing = [who for who in customers.values() if who.address not in known]
        contacts = [_contact(who) for who in missing]
        for contact in copy_in(contacts):
            known[contact.address] = contact.pk
        self.created["contacts"] += len(contacts)
        return {index: known[who.address] for index, who in customers.items()}

    def _user_id(self, person: Colleague | None) -> int | None:
        return self.user_ids[person.email] if person else None

    def add_campaigns(self, drafts: list[CampaignDraft], *, by: Colleague) -> None:
        """Create those of `drafts` that do not exist yet, with their recipients."""
        for draft in missing_campaigns(drafts):
            with alone():
                campaign = _campaign(draft, self._user_id(by))
                campaign.save(force_insert=True)
                ids = self._contact_ids({r.customer_index: r.customer for r in draft.recipients})
                rows = [_recipient(campaign, r, ids[r.customer_index]) for r in draft.recipients]
                copy_in(rows)
            self.created.update({"campaigns": 1, "recipients": len(rows)})

    def add_surroundings(self, found: Surroundings, *, now: datetime) -> None:
        """Create what is missing around the tickets; count the days if there is anything new."""
        with alone():
            self.created.update(furnish.furnish(found, now=now))
            if self.created.total():
                self.created["days"] += furnish.count_days(now)

    def refresh_statistics(self) -> None:
        """Let the planner know the new sizes, so that the first pages are fast."""
        names = (model._meta.db_table for model in _TABLES)  # noqa: SLF001 - documented by Django
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE " + ", ".join(map(connection.ops.quote_name, names)))


def missing_staff(colleagues: list[Colleague]) -> list[Colleague]:
    """Return those who have no account yet."""
    emails = [person.email for person in colleagues]
    known = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    return [person for person in colleagues if person.email not in known]


def missing_tickets(written: list[Written]) -> list[Written]:
    """Return those of `written` that were not stored yet."""
    keys = [one.draft.key for one in written]
    stored = Ticket.objects.filter(seed_key__in=keys)
    known = set(stored.values_list("seed_key", flat=True))
    return [one for one in written if one.draft.key not in known]


def missing_campaigns(drafts: list[CampaignDraft]) -> list[CampaignDraft]:
    """Return those of `drafts` that were not stored yet."""
    stored = Campaign.objects.filter(seed_key__in=[draft.key for draft in drafts])
    known = set(stored.values_list("seed_key", flat=True))
    return [draft for draft in drafts if draft.key not in known]


def known_contacts(customers: Iterable[Customer]) -> dict[str, int]:
    """Return the ids of those customers whom the desk knows, by address."""
    addresses: dict[str, list[str]] = defaultdict(list)
    for who in customers:
        addresses[who.channel].append(who.address)
    found: dict[str, int] = {}
    for channel, wanted in addresses.items():
        contacts = Contact.objects.filter(channel=channel, address__in=wanted)
        found.update(contacts.values_list("address", "pk"))
    return found


def _user(person: Colleague, password_hash: str) -> User:
    return User(
        email=person.email,
        name=person.name,
        role=person.role,
        password=password_hash,
        is_active=person.is_active,
        is_staff=person.role in STAFF_ROLES,
        is_superuser=person.role == Role.OWNER,
        created_at=person.created_at,
        updated_at=person.created_at,
    )


def _contact(who: Customer) -> Contact:
    return Contact(
        name=who.name,
        channel=who.channel,
        address=who.address,
        opted_out_at=who.opted_out_at,
        created_at=who.created_at,
    )


def _campaign(draft: CampaignDraft, created_by_id: int | None) -> Campaign:
    return Campaign(
        seed_key=draft.key,
        name=draft.name,
        channel=draft.channel,
        body=draft.body,
        status=draft.status,
        created_by_id=created_by_id,
        created_at=draft.created_at,
        started_at=draft.started_at,
        finished_at=draft.finished_at,
    )


def _recipient(campaign: Campaign, draft: RecipientDraft, contact_id: int) -> CampaignRecipient:
    return CampaignRecipient(
        campaign=campaign,
        contact_id=contact_id,
        key=draft.key,
        body=draft.body,
        status=draft.status,
        attempts=draft.attempts,
        next_attempt_at=draft.next_attempt_at,
        provider_id=f"qa:{draft.key.hex}" if draft.sent_at else "",
        error=draft.error,
        sent_at=draft.sent_at,
        delivered_at=draft.delivered_at,
        failed_at=draft.failed_at,
    )
