"""The fast way to fill an empty desk: the same rows, the same schema afterwards, or nothing."""

from __future__ import annotations

import random
import re
from array import array

import pytest
from django.core.management import call_command
from django.db import connection

from helpdesk.models import Attachment, Contact, DeadLetter, Message, Ticket
from helpdesk.tests.factories import TicketFactory
from qa_seed import bulk, crew
from qa_seed.desk import Desk
from qa_seed.tests.nowhere import digest_of, plan

pytestmark = pytest.mark.django_db
FILLED = (Contact, Ticket, Message, Attachment, DeadLetter)
IDS = {"id", "number", "ticket_id", "contact_id", "message_id", "author_id", "assignee_id",
       "uploaded_by_id"}  # fmt: skip


@pytest.fixture
def loading(monkeypatch):
    """Let the fast way begin at 50 tickets, and write in this process."""
    monkeypatch.setattr(bulk, "WORTH_IT_FROM", 50)
    monkeypatch.setattr(bulk, "TICKETS_PER_BATCH", 40)
    monkeypatch.setattr(crew, "processes", lambda: 0)


def contents():
    """Return every row without its numbers."""
    found = {}
    for model in FILLED:
        rows = [
            str(sorted((key, value) for key, value in row.items() if key not in IDS))
            for row in model.objects.values()
        ]
        found[model.__name__] = sorted(rows)
    return found


def schema():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
        indexes = {definition for (definition,) in cursor.fetchall()}
        cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint")
        return indexes, set(cursor.fetchall())


@pytest.fixture
def loads(monkeypatch):
    """Note each use of the fast way."""
    noted: list[int] = []
    load = bulk.load

    def noting(*args, **options):
        noted.append(1)
        return load(*args, **options)

    monkeypatch.setattr(bulk, "load", noting)
    return noted


def test_both_ways_make_the_same_rows_and_counts(seed, loading, loads, monkeypatch):
    fast_words = seed(tickets=120)
    fast = contents()
    call_command("seed_qa", wipe=True, verbosity=0)
    monkeypatch.setattr(bulk, "WORTH_IT_FROM", 500)
    slow_words = seed(tickets=120)
    assert len(loads) == 1
    assert contents() == fast
    told = re.compile(r"Created (.*) recipients|Digest (\w+)")
    assert told.findall(fast_words) == told.findall(slow_words)


def test_the_schema_is_the_same_afterwards(seed, loading, loads):
    before = schema()
    seed(tickets=90)
    assert len(loads) == 1
    assert [old ^ new for old, new in zip(before, schema(), strict=True)] == [set(), set()]


def test_ids_and_numbers_rise_with_time_and_new_rows_follow_them(seed, loading, loads):
    seed(tickets=90)
    by_age = list(Ticket.objects.order_by("created_at", "number").values_list("number", "id"))
    assert by_age == sorted(by_age)
    after = TicketFactory.create()
    assert after.number > by_age[-1][0]
    assert after.pk > by_age[-1][1]
    assert len(loads) == 1


def test_parts_hang_on_their_messages(seed, loading, loads):
    seed(tickets=500)
    failed = set(Message.objects.filter(status="failed").values_list("pk", flat=True))
    assert failed == set(DeadLetter.objects.values_list("message_id", flat=True)) != set()
    for attachment in Attachment.objects.select_related("message"):
        assert attachment.message is not None
        assert attachment.created_at == attachment.message.created_at
        assert attachment.uploaded_by_id == attachment.message.author_id
    assert Ticket.objects.exclude(contact__name="").count() == 500
    assert len(loads) == 1


def test_a_desk_with_tickets_is_added_to_without_locks(seed, loading, loads):
    TicketFactory.create()
    seed(tickets=90)
    assert loads == []
    assert Ticket.objects.count() == 91


def test_a_second_run_creates_nothing(seed, loading, loads):
    seed(tickets=90)
    assert "0 created" in seed(tickets=90)
    assert len(loads) == 1


def test_processes_write_the_same_and_keep_the_order():
    wanted = plan(tickets=60, campaigns=0)
    ids = {person.email: number for number, person in enumerate(Desk(wanted).colleagues)}
    tasks = [crew.Task(tuple(range(at, at + 20)), 1 + at) for at in (0, 20, 40)]
    here = list(crew.write_all(tasks, wanted, ids, first_contact_id=1, count=0))
    there = list(crew.write_all(tasks, wanted, ids, first_contact_id=1, count=1))
    assert there == here
    assert [text.tickets.partition("\t")[0] for text in here] == ["1", "21", "41"]


def test_a_failure_leaves_no_trace(seed, loading, monkeypatch, transactional_db):
    before = schema()

    def torn(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(bulk, "_copy", torn)
    with pytest.raises(RuntimeError, match="disk"):
        seed(tickets=90)
    assert schema() == before
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("count", [0, 1, 700])
def test_the_oldest_comes_first(count):
    dice = random.Random(5)
    stamps = array("d", (dice.choice([1e9, 1e9 + dice.random() * 1e7]) for _ in range(count)))
    assert list(bulk.oldest_first(stamps)) == sorted(
        range(count), key=lambda place: (stamps[place], place)
    )


def test_the_digest_does_not_depend_on_batches(seed, loading):
    assert digest_of(plan(users=6, tickets=90)) in seed(tickets=90)
