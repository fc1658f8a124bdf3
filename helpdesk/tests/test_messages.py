"""Messages: numbered without holes, refused without a trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Event, IdempotencyKey, Message, Ticket
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import (
    LONG_AGO,
    AttachmentFactory,
    MessageFactory,
    TicketFactory,
    UserFactory,
)
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db


def url(ticket):
    return f"/api/v1/tickets/{ticket.pk}/messages"


def post(api, ticket, body="Hello", **more):
    return api.post(url(ticket), {"body": body, **more})


def assert_no_trace(ticket):
    assert not Message.objects.exists()
    assert not Event.objects.exists()
    assert not IdempotencyKey.objects.exists()
    now = Ticket.objects.get(pk=ticket.pk)
    assert (now.message_seq, now.event_seq, now.message_count) == (0, 0, 0)
    assert (now.last_activity_at, now.version) == (ticket.last_activity_at, ticket.version)


def test_a_message_has_the_shape_of_the_contract(api, agent, ticket):
    answer = post(api, ticket, "Hello")

    assert answer.status_code == 201
    row = answer.json()
    assert set(row) == {
        "id", "ticket", "seq", "kind", "body", "author", "status", "attachments", "created_at",
        "sent_at", "delivered_at", "read_at", "failed_at", "error",
    }  # fmt: skip
    assert (row["ticket"], row["seq"], row["kind"]) == (ticket.pk, 1, "outbound")
    assert row["author"] == {"id": agent.pk, "name": "Ari Agent"}
    assert (row["status"], row["error"], row["attachments"]) == ("queued", None, [])
    assert api.get(url(ticket)).json()["results"] == [row]


def test_a_message_is_summarised_on_its_ticket_and_announced(api, ticket):
    row = post(api, ticket, "x" * 200).json()

    seen = api.get(f"/api/v1/tickets/{ticket.pk}").json()
    assert seen["last_message"] == {
        "preview": "x" * 140, "direction": "outbound", "created_at": row["created_at"],
    }  # fmt: skip
    assert (seen["message_count"], seen["last_activity_at"]) == (1, row["created_at"])
    assert seen["first_response_at"] == row["created_at"]
    event = Event.objects.get(ticket=ticket)
    assert (event.seq, event.type, event.data) == (1, "message.created", row)


def test_only_the_first_answer_sets_the_first_response(api, ticket):
    first = post(api, ticket).json()["created_at"]
    post(api, ticket)

    seen = api.get(f"/api/v1/tickets/{ticket.pk}").json()
    assert seen["first_response_at"] == first


def test_a_note_is_neither_sent_nor_a_first_response(api, ticket):
    row = post(api, ticket, kind="note").json()

    assert (row["kind"], row["status"]) == ("note", "delivered")
    assert Message.objects.get().next_attempt_at is None
    seen = api.get(f"/api/v1/tickets/{ticket.pk}").json()
    assert (seen["first_response_at"], seen["last_message"]) == (None, None)


def test_seq_counts_each_ticket_from_one_without_holes(api):
    one, other = TicketFactory.create(), TicketFactory.create()

    numbers = [post(api, t).json()["seq"] for t in (one, one, other, one)]

    assert numbers == [1, 2, 1, 3]


def test_a_refused_message_leaves_no_hole(api, ticket):
    post(api, ticket)
    assert post(api, ticket, attachments=[999]).status_code == 400

    assert post(api, ticket).json()["seq"] == 2


def test_after_and_next_walk_every_message_once_in_order(api, ticket):
    for _ in range(7):
        MessageFactory.create(ticket=ticket)
    pages, following = [], f"{url(ticket)}?after=1&limit=2"
    while following:
        page = api.get(following).json()
        pages.append([row["seq"] for row in page["results"]])
        following = page["next"]

    assert pages == [[2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize("after", ["-1", "x", "2147483648", "1.5"])
def test_an_after_that_is_no_seq_is_refused_by_name(api, ticket, after):
    answer = api.get(url(ticket), {"after": after})

    assert answer.status_code == 400
    assert "after" in answer.json()["errors"]


def test_after_the_end_is_an_empty_page(api, ticket):
    assert api.get(url(ticket), {"after": 2_147_483_647}).json() == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"body": ""}, "body"),
        ({"body": "  \n "}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"body": "x" * 4097}, "body"),
        ({"body": None}, "body"),
        ({"body": {"a": 1}}, "body"),
        ({"body": "x", "kind": "inbound"}, "kind"),
        ({"body": "x", "kind": "shout"}, "kind"),
        ({"body": "x", "attachments": "1"}, "attachments"),
        ({"body": "x", "attachments": [0]}, "attachments"),
        ({"body": "x", "attachments": [2**63]}, "attachments"),
        ({"body": "x", "attachments": list(range(1, 12))}, "attachments"),
        ({"body": "x", "attachments": [999]}, "attachments"),
        ({"body": "x", "status": "sent"}, "status"),
        ({"body": "x", "seq": 9}, "seq"),
        ({"body": "x", "author": 1}, "author"),
    ],
)
def test_a_bad_body_names_its_field_and_leaves_no_trace(api, ticket, body, field):
    answer = api.post(url(ticket), body, HTTP_IDEMPOTENCY_KEY="k")

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert field in answer.json()["errors"]
    assert_no_trace(ticket)


def test_a_lone_surrogate_is_refused(api, ticket):
    answer = api.generic(
        "POST", url(ticket), r'{"body": "\ud800"}', content_type="application/json"
    )

    assert answer.status_code == 400
    assert_no_trace(ticket)


def test_the_longest_body_and_any_script_are_stored_as_they_are(api, ticket):
    body = ("Olá 👩‍👩‍👧 שלום " * 400)[:4095] + "."

    assert post(api, ticket, body).json()["body"] == body


def test_a_closed_ticket_takes_no_message_but_a_note(api):
    ticket = TicketFactory.create(status="closed")

    refused = api.post(url(ticket), {"body": "x"}, HTTP_IDEMPOTENCY_KEY="k")

    assert (refused.status_code, refused.json()["code"]) == (409, "ticket_closed")
    assert_no_trace(ticket)
    assert post(api, ticket, kind="note").status_code == 201


def test_own_attachments_travel_with_a_message_once(api, agent, ticket):
    files = [AttachmentFactory.create(uploaded_by=agent) for _ in range(2)]
    ids = [file.pk for file in files]

    row = post(api, ticket, "", attachments=ids).json()

    assert [item["id"] for item in row["attachments"]] == ids
    assert set(row["attachments"][0]) == {"id", "filename", "size", "content_type", "sha256"}
    again = post(api, ticket, "", attachments=ids[:1])
    assert (again.status_code, Message.objects.count()) == (400, 1)


def test_somebody_elses_attachment_is_refused(api, ticket):
    file = AttachmentFactory.create()

    assert post(api, ticket, attachments=[file.pk]).status_code == 400
    file.refresh_from_db()
    assert file.message_id is None
    assert_no_trace(ticket)


def test_the_trace_of_the_request_is_kept_with_the_message(api, ticket):
    trace_id = "0af7651916cd43dd8448eb211c80319c"

    api.post(url(ticket), {"body": "x"}, HTTP_TRACEPARENT=f"00-{trace_id}-b7ad6b7169203331-01")

    assert Message.objects.get().trace_id == trace_id
    assert Event.objects.get().trace_id == trace_id


@pytest.mark.django_db(transaction=True)
def test_parallel_messages_are_numbered_without_holes_or_repeats():
    ticket, agent = TicketFactory.create(), UserFactory.create()

    answers = together(8, lambda n: post(bearer(agent), ticket, f"m{n}"))

    assert sorted(a.json()["seq"] for a in answers) == list(range(1, 9))
    seen = Ticket.objects.get()
    assert (seen.message_count, seen.message_seq, seen.event_seq) == (8, 8, 8)
    assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 9))


@pytest.mark.django_db(transaction=True)
def test_one_attachment_never_travels_twice():
    ticket, agent = TicketFactory.create(), UserFactory.create()
    file = AttachmentFactory.create(uploaded_by=agent)

    answers = together(8, lambda _: post(bearer(agent), ticket, attachments=[file.pk]))

    assert sorted(a.status_code for a in answers) == [201] + [400] * 7


@pytest.mark.django_db(transaction=True)
def test_a_posted_message_is_on_its_queue_with_the_time_it_was_due(broker):
    agent, ticket = UserFactory.create(), TicketFactory.create()

    row = (
        bearer(agent)
        .post(
            url(ticket), {"body": "x"}, HTTP_TRACEPARENT=f"00-{broker.trace_id}-b7ad6b7169203331-01"
        )
        .json()
    )

    (job,) = broker.jobs("messages")
    assert job["headers"]["task"] == "helpdesk.deliver_message"
    assert job["kwargs"] == {"message_id": row["id"]}
    due_at = Message.objects.get().next_attempt_at
    assert due_at is not None
    assert job["headers"]["due_at"] == due_at.timestamp()
    assert abs(timezone.now() - due_at) < timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_a_refused_message_rings_nobody(broker):
    agent, ticket = (
        UserFactory.create(),
        TicketFactory.create(status="closed", last_activity_at=LONG_AGO),
    )

    bearer(agent).post(
        url(ticket), {"body": "x"}, HTTP_TRACEPARENT=f"00-{broker.trace_id}-b7ad6b7169203331-01"
    )

    assert broker.jobs("messages") == []
