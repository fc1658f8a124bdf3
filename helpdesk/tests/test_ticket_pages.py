"""Pages of tickets: every ticket once, whatever ties, limits and cursors do."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Ticket
from helpdesk.selectors import keyset
from helpdesk.services import tickets as services
from helpdesk.tests.factories import LONG_AGO, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/tickets"


def walk(api, url):
    """Follow `next` from `url` to the end; return the ids page by page."""
    pages = []
    while url:
        answer = api.get(url)
        assert answer.status_code == 200, answer.content
        pages.append([row["id"] for row in answer.json()["results"]])
        url = answer.json()["next"]
        assert len(pages) < 50
    return pages


def ids(api, **query):
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


@pytest.fixture
def tied():
    """Ten tickets, of which six share a moment and two more another."""
    moments = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3]
    rows = [TicketFactory.create(last_activity_at=LONG_AGO + timedelta(seconds=s)) for s in moments]
    ordered = sorted(rows, key=lambda row: (row.last_activity_at, row.pk), reverse=True)
    return [row.pk for row in ordered]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_paging_visits_every_ticket_once_in_order_in_spite_of_ties(api, tied, limit):
    pages = walk(api, f"{URL}?limit={limit}")

    assert [row for page in pages for row in page] == tied
    assert all(len(page) == limit for page in pages[:-1])


def test_filters_survive_the_way_through_the_pages(api, tied):
    Ticket.objects.filter(pk__in=tied[::2]).update(priority="urgent")

    pages = walk(api, f"{URL}?limit=2&priority=urgent")

    assert [row for page in pages for row in page] == tied[::2]


def test_a_ticket_that_becomes_active_while_paging_hides_no_other(api, tied):
    first = api.get(f"{URL}?limit=3").json()
    Ticket.objects.filter(pk=tied[-1]).update(last_activity_at=timezone.now())

    rest = walk(api, first["next"])

    assert [row for page in rest for row in page] == tied[3:-1]


def test_last_page_has_no_next_even_when_it_is_full(api, tied):
    assert [len(page) for page in walk(api, f"{URL}?limit=5")] == [5, 5]


def test_empty_list_is_an_empty_page(api):
    assert api.get(URL).json() == {"results": [], "next": None}


def test_limit_is_25_unless_told_and_cut_to_100(api):
    Ticket.objects.bulk_create(
        Ticket(
            subject="x", channel="web", contact=TicketFactory.create().contact,
            created_at=LONG_AGO, updated_at=LONG_AGO, last_activity_at=LONG_AGO,
        )
        for _ in range(101)
    )  # fmt: skip

    assert len(api.get(URL).json()["results"]) == 25
    assert len(api.get(f"{URL}?limit=1000000000").json()["results"]) == 100


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "NaN"])
def test_a_limit_that_is_no_size_is_refused_by_name(api, limit):
    answer = api.get(URL, {"limit": limit})

    assert answer.status_code == 400
    assert "limit" in answer.json()["errors"]


def tampered(cursor):
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return base64.urlsafe_b64encode(raw.replace(b"2026", b"2020")).decode().rstrip("=")


def cursor_of(url):
    return url.split("cursor=")[1].split("&")[0]


@pytest.mark.parametrize(
    "foreign",
    [
        "x",
        "!!!",
        "é",
        "A" * 301,
        "bnVsbA",
        keyset.encode("events", "2026-01-01T00:00:00+00:00", 1),
        keyset.encode("tickets", 1),
    ],
)
def test_a_cursor_that_was_not_issued_here_is_refused(api, foreign):
    answer = api.get(URL, {"cursor": foreign})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_a_tampered_cursor_is_refused(api, tied):
    cursor = cursor_of(api.get(f"{URL}?limit=2").json()["next"])
    assert api.get(URL, {"cursor": cursor}).status_code == 200

    answer = api.get(URL, {"cursor": tampered(cursor)})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30, "1.5"])
def test_a_foreign_cursor_of_messages_is_refused_as_such(api, ticket, cursor):
    answer = api.get(f"{URL}/{ticket.pk}/messages", {"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_filters_by_status_priority_and_channel_take_several_values(api):
    opened = TicketFactory.create()
    pending = TicketFactory.create(status="pending", priority="high")
    closed = TicketFactory.create(status="closed", channel="email")

    assert ids(api, status="open") == {opened.pk}
    assert ids(api, status="open,pending") == {opened.pk, pending.pk}
    assert ids(api, status=["open", "closed"]) == {opened.pk, closed.pk}
    assert ids(api, priority="high") == {pending.pk}
    assert ids(api, channel="email", status="closed") == {closed.pk}
    assert ids(api, channel="email", status="open") == set()


@pytest.mark.parametrize("name", ["status", "priority", "channel"])
def test_an_unknown_value_of_a_filter_is_refused_by_name(api, name):
    answer = api.get(URL, {name: "lukewarm"})

    assert answer.status_code == 400
    assert name in answer.json()["errors"]


def test_assignee_may_be_me_none_or_an_id(api, agent):
    other = UserFactory.create()
    mine, theirs, free = (TicketFactory.create(assignee=user) for user in (agent, other, None))

    assert ids(api, assignee="me") == {mine.pk}
    assert ids(api, assignee="none") == {free.pk}
    assert ids(api, assignee=other.pk) == {theirs.pk}
    assert ids(api, assignee=999_999) == set()
    assert api.get(URL, {"assignee": "somebody"}).status_code == 400


def test_tag_matches_whole_tags(api):
    vip = TicketFactory.create(tags=["vip", "late"])
    TicketFactory.create(tags=["vips"])

    assert ids(api, tag="vip") == {vip.pk}


def test_q_finds_words_of_the_subject_and_numbers(api):
    invoice = TicketFactory.create(subject="Wrong INVOICE total")
    other = TicketFactory.create(subject="Late parcel")

    assert ids(api, q="invoice") == {invoice.pk}
    assert ids(api, q=str(other.number)) == {other.pk}
    assert ids(api, q=f"#{other.number}") == {other.pk}
    assert ids(api, q="100%") == set()
    assert ids(api, q="_") == set()


@pytest.mark.parametrize("q", ["9" * 15, "9" * 40, "'; --", "²", "٣"])
def test_q_takes_any_text_without_failing(api, q):
    assert ids(api, q=q) == set()


def test_nul_in_a_query_is_refused(api):
    assert api.get(URL, {"q": "a\x00b"}).status_code == 400


def test_a_move_brings_a_ticket_to_the_top(api, tied):
    services.move(ticket_id=tied[-1], status="pending", now=timezone.now())

    assert api.get(f"{URL}?limit=1").json()["results"][0]["id"] == tied[-1]
