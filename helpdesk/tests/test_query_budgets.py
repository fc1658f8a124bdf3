"""What a request may ask of the database: a fixed number of queries, however many rows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.tests.factories import AttachmentFactory, MessageFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db
USER = 1  # every call reads the caller's row: a demotion counts at once


def queries(ask):
    """Return the SQL of `ask()`, without the transaction's own statements."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = ask()
    assert answer.status_code in (200, 201), answer.content
    bookkeeping = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [q["sql"] for q in captured if not q["sql"].startswith(bookkeeping)]


def fill(rows):
    for _ in range(rows):
        TicketFactory.create(assignee=UserFactory.create(), tags=["x"])


@pytest.mark.parametrize("rows", [5, 50])
def test_a_page_of_tickets_costs_one_query(api, rows):
    fill(rows)

    assert len(queries(lambda: api.get("/api/v1/tickets?limit=100"))) == USER + 1


def test_a_filtered_later_page_costs_one_query_and_neither_counts_nor_skips(api):
    fill(6)
    following = api.get("/api/v1/tickets?limit=2&status=open&q=parcel").json()["next"]

    asked = queries(lambda: api.get(following))

    assert len(asked) == USER + 1
    assert "COUNT(" not in asked[-1].upper()
    assert "OFFSET" not in asked[-1].upper()


def test_one_ticket_costs_one_query(api):
    ticket = TicketFactory.create(assignee=UserFactory.create())

    assert len(queries(lambda: api.get(f"/api/v1/tickets/{ticket.pk}"))) == USER + 1


@pytest.mark.parametrize("rows", [5, 50])
def test_messages_cost_three_queries(api, ticket, rows):
    for _ in range(rows):
        AttachmentFactory.create(
            message=MessageFactory.create(ticket=ticket, author=UserFactory.create())
        )
    url = f"/api/v1/tickets/{ticket.pk}/messages?limit=100"

    assert len(queries(lambda: api.get(url))) == USER + 3


@pytest.mark.parametrize("rows", [5, 50])
def test_events_of_a_ticket_cost_two_queries(api, ticket, rows):
    for number in range(rows):
        api.patch(f"/api/v1/tickets/{ticket.pk}", {"subject": f"S {number}"})
    url = f"/api/v1/events?ticket={ticket.pk}"

    assert len(queries(lambda: api.get(url))) == USER + 2


@pytest.mark.parametrize(("rows", "headers"), [(0, {}), (50, {})])
def test_posting_a_message_costs_four_queries(api, ticket, rows, headers):
    for _ in range(rows):
        MessageFactory.create(ticket=ticket)
    url = f"/api/v1/tickets/{ticket.pk}/messages"

    # The ticket's lock, the message, the event, the ticket's summary.
    assert len(queries(lambda: api.post(url, {"body": "x"}))) == USER + 4


def test_an_idempotency_key_costs_three_queries_more(api, ticket):
    url = f"/api/v1/tickets/{ticket.pk}/messages"

    first = queries(lambda: api.post(url, {"body": "x"}, HTTP_IDEMPOTENCY_KEY="k"))
    again = queries(lambda: api.post(url, {"body": "x"}, HTTP_IDEMPOTENCY_KEY="k"))

    assert len(first) == USER + 4 + 3
    assert len(again) == USER + 1


def test_moving_a_ticket_costs_four_queries(api, ticket):
    url = f"/api/v1/tickets/{ticket.pk}/transition"

    # The lock, the event, the audit entry, the ticket.
    assert len(queries(lambda: api.post(url, {"status": "pending"}))) == USER + 4
