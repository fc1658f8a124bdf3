"""What people type into the list of tickets, and which indexes answer it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Ticket
from helpdesk.selectors.ticket_pages import TicketFilter, read_page
from helpdesk.tests.factories import LONG_AGO, TicketFactory

pytestmark = pytest.mark.django_db


def subjects(**wanted):
    rows = read_page(wanted=TicketFilter(**wanted), after=None, rows=50)
    return {row["subject"] for row in rows}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("100%", {"100% off"}),
        ("a_b", {"a_b"}),
        ("C:\\", {"C:\\new"}),
        ("OFF", {"100% off"}),
        ("%s", set()),
        ("'; DROP TABLE helpdesk_ticket; --", set()),
    ],
)
def test_a_search_means_what_was_typed(q, found):
    for subject in ("100% off", "1000 of", "a_b", "axb", "C:\\new", "C:/new"):
        TicketFactory.create(subject=subject)

    assert subjects(q=q) == found


def test_several_values_of_one_filter_are_alternatives():
    for priority in ("low", "high", "urgent"):
        TicketFactory.create(subject=priority, priority=priority, tags=[priority, "x"])

    assert subjects(priority=("low", "high")) == {"low", "high"}
    assert subjects(priority=("low", "high"), tag="high") == {"high"}


# A desk after a year: most tickets are done, few are urgent, and a word of a subject is rare.
YEAR = """
INSERT INTO helpdesk_contact (name, channel, address, created_at)
SELECT 'Customer', 'email', n || '@year.test', %(now)s FROM generate_series(1, 2000) n;
INSERT INTO helpdesk_ticket (
    subject, status, priority, channel, contact_id, assignee_id, tags, version, message_seq,
    event_seq, message_count, last_message_preview, last_message_direction,
    created_at, updated_at, last_activity_at, resolved_at
)
SELECT
    CASE WHEN n %% 2000 = 0 THEN 'Parcel' ELSE 'Order' END || ' ' || n || ' is late',
    CASE WHEN n %% 20 = 0 THEN 'open' ELSE 'resolved' END,
    CASE WHEN n %% 15 = 0 THEN 'high' ELSE 'medium' END,
    CASE WHEN n %% 10 = 0 THEN 'web' ELSE 'email' END,
    (SELECT min(id) FROM helpdesk_contact) + n %% 2000,
    CASE WHEN n %% 30 = 0 THEN %(agent)s END,
    ARRAY['tag-' || n %% 500],
    1, 0, 0, 0, '', '', at, at, at, CASE WHEN n %% 20 <> 0 THEN at END
FROM generate_series(1, 10000) n, LATERAL (SELECT %(now)s - n * interval '50 minutes' AS at) t;
ANALYZE helpdesk_contact, helpdesk_ticket, helpdesk_user;
-- What autovacuum does for a table of that age:
SELECT gin_clean_pending_list('ticket_subject_trgm'), gin_clean_pending_list('ticket_tags');
"""


@pytest.fixture
def agent_of_the_year(agent):
    with connection.cursor() as cursor:
        cursor.execute(YEAR, {"now": LONG_AGO, "agent": agent.pk})
    return agent


def plan_of(*, after=None, **wanted):
    """Return how PostgreSQL reads a page, chosen among all that it knows."""
    with CaptureQueriesContext(connection) as asked:
        read_page(wanted=TicketFilter(**wanted), after=after, rows=26)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked[0]["sql"])
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_later_page_seeks_into_the_index_of_its_filter_and_sorts_nothing(agent_of_the_year):
    for wanted, index in (
        ({}, "ticket_newest"),
        ({"status": ("open",)}, "ticket_status_newest"),
        ({"priority": ("high",)}, "ticket_priority_newest"),
        ({"channel": ("web",)}, "ticket_channel_newest"),
        ({"assignee": agent_of_the_year.pk}, "ticket_assignee_newest"),
    ):
        plan = plan_of(after=(LONG_AGO - timedelta(days=90), 5), **wanted)

        assert f"using {index} " in plan, plan
        assert "ROW(last_activity_at, id) <" in plan.split("Index Cond:")[1].split("\n")[0], plan
        assert "Sort" not in plan


@pytest.mark.usefixtures("agent_of_the_year")
def test_words_and_tags_that_are_rare_are_found_by_their_indexes(rf):
    of_admin, _ = site._registry[Ticket].get_search_results(
        rf.get("/"), Ticket.objects.order_by("-last_activity_at", "-id"), "parcel"
    )

    assert "on ticket_subject_trgm " in plan_of(q="parcel")
    assert "on ticket_tags " in plan_of(tag="tag-7")
    assert "on ticket_subject_trgm " in of_admin[:50].explain()
