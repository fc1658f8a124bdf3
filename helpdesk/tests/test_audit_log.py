"""The audit log: who did what, in order, filtered; and nobody can change it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from helpdesk import trace
from helpdesk.models import AuditEntry
from helpdesk.services import audit, tickets
from helpdesk.tests.conftest import Client, bearer
from helpdesk.tests.factories import LONG_AGO, PASSWORD, TicketFactory, UserFactory

LOG = "/api/v1/audit-log"


@pytest.fixture
def manager(admin):
    return bearer(admin)


def act(actor=None, action="ticket.move", target=None, **fields):
    return audit.record(actor=actor, action=action, target=target, **{"now": LONG_AGO, **fields})


def ids(client, query=""):
    return [row["id"] for row in client.get(f"{LOG}{query}").json()["results"]]


def test_an_entry_tells_who_did_what_from_where_in_which_trace(manager, agent, ticket):
    with trace.continued("0af7651916cd43dd8448eb211c80319c"):
        entry = act(
            agent, target=ticket, before={"status": "open"}, after={"status": "closed"},
            request_ip="2001:db8::1",
        )  # fmt: skip

    assert manager.get(LOG).json()["results"] == [
        {
            "id": entry.pk,
            "actor": {"id": agent.pk, "email": agent.email},
            "action": "ticket.move",
            "target": {"type": "ticket", "id": str(ticket.pk)},
            "before": {"status": "open"},
            "after": {"status": "closed"},
            "ip": "2001:db8::1",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "created_at": "2026-03-01T09:30:15.123456Z",
        }
    ]


@pytest.mark.parametrize("address", [None, "", "unix:", "fe80::1%eth0%", "1.2.3", "testserver"])
def test_an_address_that_is_none_is_left_out(db, address):
    expected = "fe80::1" if address and "fe80" in address else None

    assert act(request_ip=address).ip == expected


def test_the_log_pages_newest_first_and_breaks_ties(manager):
    for hours in (0, 1, 1, 2, 3):
        act(now=LONG_AGO + timedelta(hours=hours))
    seen, url = [], f"{LOG}?limit=2"
    while url:
        page = manager.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    newest = AuditEntry.objects.order_by("-created_at", "-id")
    assert seen == list(newest.values_list("id", flat=True))


def test_the_log_costs_one_query_however_long(manager, agent, django_assert_num_queries):
    for _ in range(4):
        act(agent)
    with django_assert_num_queries(2):  # whose token it is, and the page
        manager.get(LOG)


def test_the_log_is_filtered_by_actor_action_and_target(manager, agent):
    one, other = TicketFactory.create_batch(2)
    first = act(agent, target=one).pk
    second = act(UserFactory.create(), target=other).pk
    third = act(action="login.refused", actor_email="who@desk.test").pk

    assert ids(manager, f"?actor={agent.pk}") == [first]
    assert ids(manager, f"?actor={agent.email}") == [first]
    assert ids(manager, "?actor=Who@desk.test") == [third]
    assert ids(manager, "?action=ticket.move") == [second, first]
    assert ids(manager, "?target=ticket") == [second, first]
    assert ids(manager, f"?target=ticket:{one.pk}") == [first]
    assert ids(manager, f"?target=ticket:{one.pk}&action=login.refused") == []
    assert ids(manager, "?target=user") == []


@pytest.mark.parametrize("query", ["?actor=nobody", "?target=Ticket 7", "?limit=0", "?cursor=x"])
def test_a_bad_filter_is_refused(manager, query):
    assert manager.get(f"{LOG}{query}").status_code == 400


def test_an_act_that_is_rolled_back_leaves_no_entry(db, agent):
    def act_and_fail():
        with transaction.atomic():
            act(agent)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_and_fail()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("sql", ["UPDATE {} SET action = 'x'", "DELETE FROM {}"])
def test_nobody_changes_the_log_not_even_in_sql(db, agent, sql):
    act(agent)
    statement = sql.format(AuditEntry._meta.db_table)
    with (
        pytest.raises(DatabaseError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().action == "ticket.move"


@pytest.mark.parametrize("change", [AuditEntry.save, AuditEntry.delete])
def test_the_model_refuses_too(db, agent, change):
    with pytest.raises(TypeError, match="never changed"):
        change(act(agent))


def test_a_user_who_is_gone_stays_in_the_log(manager):
    user = UserFactory.create()
    entry = act(user)
    user.delete()

    (row,) = manager.get(LOG).json()["results"]
    assert row["actor"] == {"id": entry.actor_id, "email": user.email}


def test_a_refused_login_is_told_with_the_email_tried(agent):
    for email in (agent.email.upper(), "nobody@desk.test"):
        Client().post("/api/v1/auth/login", {"email": email, "password": "wrong"})
    Client().post("/api/v1/auth/login", {"email": agent.email, "password": PASSWORD})

    entries = AuditEntry.objects.order_by("id")
    assert [(e.action, e.actor_id, e.actor_email, e.ip) for e in entries] == [
        ("login.refused", None, agent.email, "127.0.0.1"),
        ("login.refused", None, "nobody@desk.test", "127.0.0.1"),
    ]


def test_who_assigns_and_moves_a_ticket_is_told(api, agent, ticket):
    url = f"/api/v1/tickets/{ticket.pk}"
    api.patch(url, {"assignee": agent.pk, "priority": "high"})
    api.patch(url, {"assignee": agent.pk, "tags": ["late"]})  # no new assignee, no act
    api.patch(url, {"assignee": None})
    api.post(f"{url}/transition", {"status": "pending"})
    api.post(f"{url}/transition", {"status": "pending"})  # refused

    told = AuditEntry.objects.filter(target_type="ticket", target_id=ticket.pk, actor=agent)
    assert list(told.order_by("id").values_list("action", "before", "after", "ip")) == [
        ("ticket.assign", {"assignee": None}, {"assignee": agent.pk}, "127.0.0.1"),
        ("ticket.assign", {"assignee": agent.pk}, {"assignee": None}, "127.0.0.1"),
        ("ticket.move", {"status": "open"}, {"status": "pending"}, "127.0.0.1"),
    ]
    assert AuditEntry.objects.count() == 3


def test_a_page_tells_as_the_api_does(client, agent, ticket):
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("web:ticket", args=[ticket.pk])
    client.post(f"{url}/move", {"status": "resolved"})
    client.post(f"{url}/change", {"assignee": agent.pk, "version": ticket.version + 1})

    assert list(AuditEntry.objects.order_by("id").values_list("action", "actor", "ip")) == [
        ("ticket.move", agent.pk, "127.0.0.1"),
        ("ticket.assign", agent.pk, "127.0.0.1"),
    ]


def test_what_the_desk_does_by_itself_is_no_act(ticket):
    tickets.move(ticket_id=ticket.pk, status="closed", now=LONG_AGO)

    assert not AuditEntry.objects.exists()
