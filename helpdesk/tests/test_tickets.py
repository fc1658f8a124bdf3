"""Tickets: opening, changing, moving; and that a refusal leaves no trace."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from helpdesk.models import Contact, Event, Message, Ticket
from helpdesk.services import messages, tickets
from helpdesk.services.tickets import MOVES
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db
URL = "/api/v1/tickets"
NEW = {
    "subject": "Parcel lost",
    "channel": "email",
    "priority": "high",
    "contact": {"name": "Ana", "address": "ana@mail.test"},
}


PAIRS = list(itertools.product(Ticket.Status.values, repeat=2))


def at(ticket, rest=""):
    return f"{URL}/{ticket.pk}{rest}"


def untouched(ticket):
    """Tell whether the row and the journal are as they were when `ticket` was read."""
    now = Ticket.objects.get(pk=ticket.pk)
    fields = [field.attname for field in Ticket._meta.concrete_fields]
    same = all(getattr(now, name) == getattr(ticket, name) for name in fields)
    return same and not Event.objects.filter(ticket=ticket).exists()


def test_a_new_ticket_has_the_shape_of_the_contract(api):
    answer = api.post(URL, {**NEW, "body": "Where is it?"})

    assert answer.status_code == 201
    row = answer.json()
    assert set(row) == {
        "id", "number", "subject", "status", "priority", "channel", "contact", "assignee", "tags",
        "last_message", "message_count", "created_at", "updated_at", "last_activity_at",
        "first_response_at", "resolved_at",
    }  # fmt: skip
    assert row["contact"] == {
        "id": row["contact"]["id"], "name": "Ana", "address": "ana@mail.test",
    }  # fmt: skip
    assert (row["status"], row["priority"], row["assignee"]) == ("open", "high", None)
    assert row["last_message"]["preview"] == "Where is it?"
    assert row["last_message"]["direction"] == "inbound"
    assert row["message_count"] == 1
    assert api.get(f"{URL}/{row['id']}").json() == row


def test_times_are_rfc_3339_in_utc_with_microseconds(api):
    created = api.post(URL, NEW).json()["created_at"]

    assert created.endswith("Z")
    assert len(created) == len("2026-03-01T09:30:15.123456Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()) < 10


def test_a_second_ticket_of_the_same_address_has_the_same_contact(api):
    first, second = (api.post(URL, NEW).json() for _ in range(2))

    assert first["contact"]["id"] == second["contact"]["id"]
    assert second["number"] > first["number"]
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "a\x00b"}, "subject"),
        ({"channel": "pigeon"}, "channel"),
        ({"priority": "extreme"}, "priority"),
        ({"contact": {"name": "Ana"}}, "contact"),
        ({"contact": "Ana"}, "contact"),
        ({"contact": {"name": "A", "address": "a", "vip": True}}, "contact"),
        ({"body": "x" * 4097}, "body"),
        ({"status": "closed"}, "status"),
        ({"number": 7}, "number"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_a_bad_or_unknown_field_is_named_and_nothing_is_written(api, change, field):
    answer = api.post(URL, {**NEW, **change})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert field in answer.json()["errors"]
    assert not Ticket.objects.exists()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("ticket_id", [0, 999_999, 2**63, 10**30])
@pytest.mark.parametrize("rest", ["", "/messages", "/transition"])
def test_a_ticket_that_does_not_exist_is_404(api, ticket_id, rest):
    url = f"{URL}/{ticket_id}{rest}"
    answers = [api.get(url)] if rest != "/transition" else []
    if rest == "/messages":
        answers.append(api.post(url, {"body": "x"}))
    elif rest == "/transition":
        answers.append(api.post(url, {"status": "closed"}))
    else:
        answers.append(api.patch(url, {"priority": "low"}))

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_change_is_stored_announced_and_given_a_new_etag(api, ticket):
    other = UserFactory.create(name="Bo")
    before = api.get(at(ticket))["ETag"]

    answer = api.patch(at(ticket), {"priority": "urgent", "tags": ["vip"], "assignee": other.pk})

    assert answer.status_code == 200
    assert answer["ETag"] != before
    assert answer.json()["assignee"] == {"id": other.pk, "name": "Bo"}
    stored = api.get(at(ticket))
    assert stored["ETag"] == answer["ETag"]
    assert stored.json() == answer.json()
    event = Event.objects.get(ticket=ticket)
    assert (event.seq, event.type, event.data) == (1, "ticket.updated", answer.json())


def test_an_assignee_can_be_taken_away(api):
    ticket = TicketFactory.create(assignee=UserFactory.create())

    assert api.patch(at(ticket), {"assignee": None}).json()["assignee"] is None


def test_a_stale_if_match_writes_nothing(api, ticket):
    etag = api.get(at(ticket))["ETag"]
    assert api.patch(at(ticket), {"priority": "low"}, HTTP_IF_MATCH=etag).status_code == 200

    answer = api.patch(at(ticket), {"priority": "urgent"}, HTTP_IF_MATCH=etag)

    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert api.get(at(ticket)).json()["priority"] == "low"
    assert Event.objects.filter(ticket=ticket).count() == 1


@pytest.mark.parametrize("header", ['"7"', '"x"', '"²"', '"999999999999999999999"', "garbage"])
def test_an_if_match_that_never_was_is_stale(api, ticket, header):
    answer = api.patch(at(ticket), {"priority": "low"}, HTTP_IF_MATCH=header)

    assert answer.status_code == 412
    assert untouched(ticket)


def test_if_match_star_takes_any_version(api, ticket):
    assert api.patch(at(ticket), {"priority": "low"}, HTTP_IF_MATCH="*").status_code == 200


def test_a_customer_who_reopens_a_ticket_makes_old_etags_stale(api):
    opened = api.post(URL, NEW).json()
    api.post(f"{URL}/{opened['id']}/transition", {"status": "pending"})
    etag = api.get(f"{URL}/{opened['id']}")["ETag"]

    with transaction.atomic():
        locked = tickets.get_locked(ticket_id=opened["id"])
        messages.take_in(ticket=locked, body="Still there?", now=timezone.now())

    answer = api.patch(f"{URL}/{opened['id']}", {"priority": "low"}, HTTP_IF_MATCH=etag)
    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "closed"}, "status"),
        ({"subject": ""}, "subject"),
        ({"priority": None}, "priority"),
        ({"tags": "vip"}, "tags"),
        ({"tags": ["x" * 31]}, "tags"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"assignee": "me"}, "assignee"),
        ({"assignee": 999_999}, "assignee"),
        ({"assignee": 2**63}, "assignee"),
        ({"version": 9}, "version"),
        ({"contact": {"name": "x", "address": "y"}}, "contact"),
    ],
)
def test_a_bad_change_names_its_field_and_leaves_no_trace(api, ticket, change, field):
    answer = api.patch(at(ticket), change)

    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert untouched(ticket)


@pytest.mark.parametrize("fields", [{"is_active": False}, {"role": "VIEWER"}])
def test_only_somebody_who_may_answer_becomes_assignee(api, ticket, fields):
    answer = api.patch(at(ticket), {"assignee": UserFactory.create(**fields).pk})

    assert answer.status_code == 400
    assert "assignee" in answer.json()["errors"]
    assert untouched(ticket)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_pair_of_statuses_moves_as_the_machine_says(api, old, new):
    ticket = TicketFactory.create(status=old)

    answer = api.post(at(ticket, "/transition"), {"status": new})

    if new in MOVES[old]:
        assert (answer.status_code, answer.json()["status"]) == (200, new)
        assert Event.objects.get(ticket=ticket).data["status"] == new
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
        assert untouched(ticket)


def test_the_machine_knows_every_status_and_never_leaves_closed():
    assert set(MOVES) == set(Ticket.Status.values)
    assert MOVES["closed"] == frozenset()
    assert all("closed" in MOVES[status] for status in ("open", "pending", "resolved"))


def test_resolving_notes_the_time_and_reopening_forgets_it(api, ticket):
    resolved = api.post(at(ticket, "/transition"), {"status": "resolved"}).json()
    assert resolved["resolved_at"] == resolved["updated_at"]

    reopened = api.post(at(ticket, "/transition"), {"status": "open"}).json()

    assert reopened["resolved_at"] is None


@pytest.mark.parametrize("body", [{}, {"status": "asleep"}, {"status": "open", "why": "x"}, [1]])
def test_a_malformed_move_is_refused(api, ticket, body):
    assert api.post(at(ticket, "/transition"), body).status_code == 400
    assert untouched(ticket)


def test_a_resolved_ticket_without_its_time_cannot_be_stored():
    with pytest.raises(IntegrityError), transaction.atomic():
        TicketFactory.create(status="resolved", resolved_at=None)


@pytest.mark.django_db(transaction=True)
def test_eight_parallel_moves_to_closed_give_one_200():

    ticket, agent = TicketFactory.create(), UserFactory.create()

    answers = together(
        8, lambda _: bearer(agent).post(at(ticket, "/transition"), {"status": "closed"})
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert Event.objects.filter(ticket=ticket).count() == 1
    assert not Message.objects.exists()
