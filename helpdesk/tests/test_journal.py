"""The journal: by ticket without holes, globally without a miss, and twin of the sockets."""

from __future__ import annotations

import random
import threading
import time

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from helpdesk.models import Event, Ticket
from helpdesk.selectors import events as reads
from helpdesk.selectors import keyset
from helpdesk.services import journal, tickets
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, ROUNDS = 8, 8


def record(ticket_id, number=0, *, held_seconds=0.0):
    """Write one event and hold its transaction open for a while."""
    with transaction.atomic():
        ticket = tickets.get_locked(ticket_id=ticket_id)
        journal.record(ticket=ticket, type="ticket.updated", data={"n": number}, now=timezone.now())
        ticket.save(update_fields=["event_seq"])
        time.sleep(held_seconds)


class Poller(threading.Thread):
    """Follow a feed until told to stop, as a client does."""

    def __init__(self, read, position):
        super().__init__()
        self.read, self.position = read, position
        self.frames, self.done = [], threading.Event()

    def run(self):
        while not self.done.is_set() or self._take():
            self._take()
            time.sleep(0.002)
        connections.close_all()

    def _take(self):
        frames = self.read(self.position)
        for frame in frames:
            self.frames.append(frame)
            self.position = frame["seq"] if isinstance(self.position, int) else frame["cursor"]
        return bool(frames)


def write_together(ticket_ids):
    def write(writer):
        dice = random.Random(writer)
        for number in range(ROUNDS):
            record(dice.choice(ticket_ids), number, held_seconds=dice.uniform(0, 0.01))

    together(WRITERS, write)


def follow(read, position, ticket_ids):
    poller = Poller(read, position)
    poller.start()
    write_together(ticket_ids)
    poller.done.set()
    poller.join(timeout=20)
    assert not poller.is_alive()
    return poller.frames


def test_a_poller_of_one_ticket_misses_nothing_and_sees_no_hole():
    ticket = TicketFactory.create()

    frames = follow(
        lambda seq: reads.list_of_ticket(ticket_id=ticket.pk, after=seq, limit=7), 0, [ticket.pk]
    )

    assert [frame["seq"] for frame in frames] == list(range(1, WRITERS * ROUNDS + 1))
    assert Ticket.objects.get().event_seq == WRITERS * ROUNDS


def test_a_poller_of_everything_misses_no_event_and_sees_none_twice():
    ids = [TicketFactory.create().pk for _ in range(3)]

    frames = follow(lambda cursor: reads.list_all(after=cursor, limit=7), "", ids)

    seen = [(frame["ticket"], frame["seq"]) for frame in frames]
    written = set(Event.objects.values_list("ticket_id", "seq"))
    assert len(seen) == len(set(seen)) == WRITERS * ROUNDS
    assert set(seen) == written
    for ticket_id in ids:
        mine = [seq for ticket, seq in seen if ticket == ticket_id]
        assert mine == sorted(mine)


def test_an_event_that_commits_late_is_never_skipped():
    early, late = TicketFactory.create(), TicketFactory.create()
    is_written, may_commit = threading.Event(), threading.Event()

    def write_late():
        with transaction.atomic():
            locked = tickets.get_locked(ticket_id=late.pk)
            journal.record(ticket=locked, type="ticket.updated", data={}, now=timezone.now())
            locked.save(update_fields=["event_seq"])
            is_written.set()
            may_commit.wait(timeout=10)
        connections.close_all()

    thread = threading.Thread(target=write_late)
    thread.start()
    assert is_written.wait(timeout=10)
    record(early.pk)

    while_open = reads.list_all(after="", limit=10)
    cursor = while_open[-1]["cursor"] if while_open else ""
    head = reads.head_cursor()
    may_commit.set()
    thread.join(timeout=10)

    after = reads.list_all(after=cursor, limit=10)
    assert {frame["ticket"] for frame in [*while_open, *after]} == {early.pk, late.pk}
    assert {frame["ticket"] for frame in reads.list_all(after=head, limit=10)} >= {late.pk}


def test_an_early_transaction_that_writes_second_comes_second_on_both_feeds():
    ticket = TicketFactory.create()
    has_id, may_write = threading.Event(), threading.Event()

    def begin_early_and_write_late():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            has_id.set()
            may_write.wait(timeout=10)
            record(ticket.pk, 2)
        connections.close_all()

    thread = threading.Thread(target=begin_early_and_write_late)
    thread.start()
    assert has_id.wait(timeout=10)
    record(ticket.pk, 1)
    may_write.set()
    thread.join(timeout=10)

    by_ticket = reads.list_of_ticket(ticket_id=ticket.pk, after=0, limit=10)
    assert reads.list_all(after="", limit=10) == by_ticket
    assert [frame["data"]["n"] for frame in by_ticket] == [1, 2]


def test_an_event_that_is_rolled_back_leaves_no_hole():
    ticket = TicketFactory.create()
    record(ticket.pk)
    with transaction.atomic():
        locked = tickets.get_locked(ticket_id=ticket.pk)
        journal.record(ticket=locked, type="ticket.updated", data={}, now=timezone.now())
        transaction.set_rollback(True)
    record(ticket.pk)

    frames = reads.list_of_ticket(ticket_id=ticket.pk, after=0, limit=10)
    assert [frame["seq"] for frame in frames] == [1, 2]


def test_the_global_feed_follows_its_own_next_to_the_end():
    client = bearer(UserFactory.create())
    ids = [TicketFactory.create().pk for _ in range(5)]
    for ticket_id in ids:
        record(ticket_id)
    seen, url = [], "/api/v1/events?limit=2"
    while url:
        page = client.get(url).json()
        seen += [frame["ticket"] for frame in page["results"]]
        url = page["next"]

    assert seen == ids


def test_a_frame_has_the_shape_of_the_contract_on_both_feeds():
    client, ticket = bearer(UserFactory.create()), TicketFactory.create()
    client.patch(f"/api/v1/tickets/{ticket.pk}", {"priority": "low"})

    (by_ticket,) = client.get(f"/api/v1/events?ticket={ticket.pk}").json()["results"]
    (globally,) = client.get("/api/v1/events").json()["results"]

    assert by_ticket == globally
    assert set(by_ticket) == {"seq", "cursor", "type", "ticket", "occurred_at", "trace_id", "data"}
    assert by_ticket["data"] == client.get(f"/api/v1/tickets/{ticket.pk}").json()
    following = client.get("/api/v1/events", {"after": by_ticket["cursor"]}).json()
    assert following == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"after": "x"}, "bad_cursor"),
        ({"after": "7"}, "bad_cursor"),
        ({"after": keyset.encode("tickets", "2026-01-01T00:00:00+00:00", 1)}, "bad_cursor"),
        ({"after": "A" * 400}, "bad_cursor"),
        ({"ticket": "x"}, "invalid"),
        ({"ticket": "0"}, "invalid"),
        ({"ticket": "1", "limit": "0"}, "invalid"),
    ],
)
def test_a_bad_position_is_refused(query, code):
    answer = bearer(UserFactory.create()).get("/api/v1/events", query)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_position_that_is_no_seq_and_a_ticket_that_is_not_there_are_told():
    client, ticket = bearer(UserFactory.create()), TicketFactory.create()

    bad = client.get(f"/api/v1/events?ticket={ticket.pk}&after=abc")
    gone = client.get("/api/v1/events", {"ticket": 999_999})

    assert (bad.status_code, "after" in bad.json()["errors"]) == (400, True)
    assert gone.status_code == 404


def test_the_database_refuses_a_seq_taken_twice():
    ticket = TicketFactory.create()
    record(ticket.pk)
    with pytest.raises(Exception, match="event_seq_unique"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO helpdesk_event (ticket_id, seq, type, data, trace_id, occurred_at)"
            " VALUES (%s, 1, 'x', '{}', '', now())",
            [ticket.pk],
        )
