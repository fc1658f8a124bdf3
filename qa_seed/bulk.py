"""
The first filling of an empty desk with many tickets: at the pace of PostgreSQL's own COPY.

Everything happens in one transaction. It locks the empty tables, takes away the indexes and the
constraints that cost more a row at a time than all at once, fills, and builds them again, so
a run that fails leaves everything as it was. Whoever asks for a ticket meanwhile waits.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched
from typing import Final

from django.db import connection, models

from helpdesk.models import Attachment, Contact, DeadLetter, Message, Ticket
from qa_seed import crew
from qa_seed.copying import copy_lines, take_ids
from qa_seed.crew import Task, Text
from qa_seed.lines import ATTACHMENT, CONTACT, DEAD_LETTER, MESSAGE, TICKET
from qa_seed.plan import Plan

WORTH_IT_FROM: Final = 20_000  # tickets; fewer take seconds anyway, and lock nobody out
TICKETS_PER_BATCH: Final = 1_000
_FILLED: Final[tuple[type[models.Model], ...]] = (
    Contact, Ticket, Message, Attachment, DeadLetter,
)  # fmt: skip
_NAMES: Final = [model._meta.db_table for model in _FILLED]  # noqa: SLF001 - documented by Django
# Those of a primary key stay: constraints of other tables stand on them, and rising ids are cheap.
# Partial indexes stay: they hold next to nothing.
CONSTRAINTS: Final = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
              pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('u', 'f')
ORDER BY contype DESC, conname"""
INDEXES: Final = """
SELECT format('DROP INDEX %%I', relname), pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = ANY(%s::regclass[]) AND indpred IS NULL
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY relname"""


def is_possible() -> bool:
    """Tell whether the desk is empty."""
    return not any(model._base_manager.exists() for model in _FILLED)  # noqa: SLF001 - documented by Django


def load(
    plan: Plan,
    numbers: Iterator[int],
    user_ids: Mapping[str, int],
    *,
    tell: Callable[[int], None],
) -> tuple[Counter[str], int]:
    """
    Fill the empty tables with the tickets `numbers` of a plan, in their order.

    Return what was created, by plural noun, and the digest. The caller holds the transaction.
    """
    created: Counter[str] = Counter()
    digest = 0
    with _bare_tables():
        contact_id, ticket_id = _reserve(Contact, plan), _reserve(Ticket, plan)
        tasks = (
            Task(batch, ticket_id + place * TICKETS_PER_BATCH)
            for place, batch in enumerate(batched(numbers, TICKETS_PER_BATCH))
        )
        count = crew.processes()
        for text in crew.write_all(tasks, plan, user_ids, first_contact_id=contact_id, count=count):
            _copy(text)
            created.update(text.counts)
            digest += text.digest
            tell(text.counts["tickets"])
    return created, digest


def oldest_first(stamps: array[float]) -> Iterator[int]:
    """
    Yield the places of `stamps` (seconds) from the smallest to the largest.

    Twelve bytes a stamp, where `sorted` takes eighty: each hour is a linked list of its own.
    """
    if not stamps:
        return
    first = min(stamps)
    heads = array("i", [-1]) * (int((max(stamps) - first) // 3600) + 1)
    following = array("i", heads[:1]) * len(stamps)
    for place, stamp in enumerate(stamps):
        hour = int((stamp - first) // 3600)
        following[place], heads[hour] = heads[hour], place
    for head in heads:
        yield from sorted(_linked(head, following), key=lambda place: (stamps[place], place))


def _linked(place: int, following: array[int]) -> Iterator[int]:
    while place >= 0:
        yield place
        place = following[place]


@contextmanager
def _bare_tables() -> Iterator[None]:
    """Hold the tables alone, without secondary indexes and constraints until the end."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '128MB'")
        cursor.execute(f"LOCK TABLE {', '.join(_NAMES)} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(CONSTRAINTS, [_NAMES])
        constraints = cursor.fetchall()
        cursor.execute(INDEXES, [_NAMES])
        parts = [*cursor.fetchall(), *constraints]  # foreign keys last: they use the others
        for drop, _ in reversed(parts):
            cursor.execute(drop)
        yield
        for _, build in parts:
            cursor.execute(build)


def _reserve(model: type[models.Model], plan: Plan) -> int:
    """Return the first of as many ids as there are tickets."""
    (first,) = take_ids(model, 1)
    with connection.cursor() as cursor:
        table = model._meta.db_table  # noqa: SLF001 - documented by Django
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
            [table, first + plan.all_tickets - 1],
        )
    return first


def _copy(text: Text) -> None:
    copy_lines(Contact, CONTACT, text.contacts)
    copy_lines(Ticket, TICKET, text.tickets)
    (before,) = take_ids(Message, 1)  # nobody else can take one now, so the next ones are ours
    copy_lines(Message, MESSAGE, text.messages)
    for model, columns, parts in (
        (Attachment, ATTACHMENT, text.attachments),
        (DeadLetter, DEAD_LETTER, text.dead_letters),
    ):
        copy_lines(model, columns, [f"{before + 1 + place}\t{line}" for place, line in parts])
