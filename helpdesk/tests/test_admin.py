"""The admin: every model, safe on a million rows, writing through services alone."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.access import Role
from helpdesk.admin import base
from helpdesk.models import (
    Attachment,
    AuditEntry,
    Campaign,
    CampaignRecipient,
    Canary,
    Contact,
    DailyMetric,
    DeadLetter,
    Event,
    IdempotencyKey,
    Message,
    ProviderEvent,
    RefreshToken,
    Setting,
    SocketTicket,
    Ticket,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from helpdesk.tests.factories import LONG_AGO, ContactFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db
MODELS = list(apps.get_app_config("helpdesk").get_models())
NAMES = [model.__name__ for model in MODELS]
ANY = {"created_at": LONG_AGO}


def _row(n):
    """Make the n-th row of every model, each row with relations of its own."""
    user = UserFactory.create()
    contact = ContactFactory.create()
    ticket = TicketFactory.create(
        contact=contact, assignee=user, tags=["x"], message_seq=1, event_seq=1
    )
    message = Message.objects.create(
        ticket=ticket, seq=1, kind="outbound", status="failed", author=user, provider_id=f"p{n}"
    )
    DeadLetter.objects.create(message=message, reason="no", attempts=8, **ANY)
    Attachment.objects.create(message=message, filename="f", size=1, uploaded_by=user, **ANY)
    Event.objects.create(ticket=ticket, seq=1, type="ticket.created", data={}, occurred_at=LONG_AGO)
    IdempotencyKey.objects.create(user=user, route="r", key=f"k{n}", response={}, **ANY)
    ProviderEvent.objects.create(
        webhook_id=f"w{n}", type="t", payload={}, received_at=LONG_AGO, next_attempt_at=LONG_AGO
    )
    campaign = Campaign.objects.create(
        name=f"c{n}", channel="web", body="b", created_by=user, **ANY
    )
    CampaignRecipient.objects.create(campaign=campaign, contact=contact)
    endpoint = WebhookEndpoint.objects.create(
        url=f"https://a.test/{n}", events=["x"], secret="whsec_hidden", created_by=user, **ANY
    )
    WebhookDelivery.objects.create(endpoint=endpoint, event_type="x", payload={}, **ANY)
    AuditEntry.objects.create(actor=user, actor_email="e", action="a.b", **ANY)
    RefreshToken.objects.create(
        jti=uuid.uuid4(), family=uuid.uuid4(), user=user, expires_at=LONG_AGO, **ANY
    )
    SocketTicket.objects.create(digest=f"d{n}", user=user, expires_at=LONG_AGO)
    DailyMetric.objects.create(date=LONG_AGO.date() - timedelta(days=n))
    Setting.objects.create(key=f"s{n}", value=1, updated_by=user, updated_at=LONG_AGO)
    Canary.objects.update_or_create(queue=f"q{n}", defaults={"due_at": LONG_AGO})


def fill(rows):
    for n in range(rows):
        _row(n)


def signed_in(role):
    client = Client()
    client.force_login(UserFactory.create(role=role))
    return client


def address(model, page="changelist", *args):
    return reverse(f"admin:helpdesk_{model._meta.model_name}_{page}", args=args)


def asked_of(client, url):
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(url)
    assert answer.status_code == 200, url
    return [query["sql"] for query in asked]


def test_every_model_is_there():
    assert [model.__name__ for model in MODELS if model not in django_admin.site._registry] == []


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_every_list_and_page_opens_for_managers(role):
    fill(2)
    client = signed_in(role)

    for model in MODELS:
        row = model._default_manager.earliest("pk")
        assert client.get(address(model)).status_code == 200, model
        assert client.get(address(model, "change", row.pk)).status_code == 200, model
        assert client.get(address(model, "delete", row.pk)).status_code == 403, model
        may_add = 200 if model is User else 403
        assert client.get(address(model, "add")).status_code == may_add, model


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_others_stay_outside(role):
    fill(1)
    client = signed_in(role)

    for model in MODELS:
        row = model._default_manager.earliest("pk")
        for url in (address(model), address(model, "change", row.pk)):
            assert client.get(url).status_code in (302, 403), url
            assert Client().get(url).status_code == 302


def test_lists_cost_the_same_queries_for_3_rows_and_for_60():
    client = signed_in(Role.OWNER)
    few, many = {}, {}
    fill(3)
    for model in MODELS:
        few[model] = asked_of(client, address(model))
    for n in range(3, 60):
        _row(n)
    for model in MODELS:
        many[model] = asked_of(client, address(model))

    assert {m: len(asked) for m, asked in few.items()} == {m: len(a) for m, a in many.items()}
    assert max(len(asked) for asked in many.values()) <= 6


def test_no_list_counts_a_table_whole():
    client = signed_in(Role.OWNER)
    fill(3)

    for model in MODELS:
        counts = [sql for sql in asked_of(client, address(model)) if "COUNT(" in sql]
        assert counts, model
        assert all("LIMIT 10001" in sql for sql in counts), counts


def test_a_large_list_shows_the_planner_s_estimate_and_ends_after_200_pages(monkeypatch):
    monkeypatch.setattr(base, "_EXACT_UP_TO", 2)
    monkeypatch.setattr(base, "_MAX_PAGES", 3)
    for _ in range(9):
        ContactFactory.create()

    paginator = base.EstimatingPaginator(Contact.objects.order_by("id"), 2)

    assert paginator.count >= 3
    assert paginator.num_pages <= 3
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE helpdesk_contact")
    fresh = base.EstimatingPaginator(Contact.objects.order_by("id"), 2)
    assert (fresh.count, fresh.num_pages) == (9, 3)


@pytest.mark.parametrize(
    "term", ["1", "#1", "late", "x'y", "%", "(", "\\", "a\0b", "9" * 30, str(uuid.uuid4()), "é"]
)
def test_every_search_takes_whatever_is_typed(term):
    fill(1)
    client = signed_in(Role.OWNER)

    for model in MODELS:
        assert client.get(address(model), {"q": term}).status_code == 200, model


def test_searches_find():
    ticket = TicketFactory.create(subject="Where (exactly) is it?")
    TicketFactory.create(subject="Other")
    client = signed_in(Role.OWNER)

    def found(model, q):
        return {row.pk for row in client.get(address(model), {"q": q}).context["cl"].result_list}

    assert found(Ticket, "(EXACTLY)") == found(Ticket, f"#{ticket.number}") == {ticket.pk}
    assert found(Contact, ticket.contact.address) == {ticket.contact_id}


def act(client, model, name, rows, **extra):
    data = {"action": name, "_selected_action": [row.pk for row in rows], **extra}
    return client.post(address(model), data, follow=True)


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def test_moving_tickets_goes_through_the_service_and_tells_what_was_refused():
    fresh, closed = TicketFactory.create(), TicketFactory.create(status="closed")
    client = signed_in(Role.ADMIN)

    answer = act(client, Ticket, "resolve", [fresh, closed])

    fresh.refresh_from_db()
    assert (fresh.status, fresh.events.get().type) == ("resolved", "ticket.updated")
    assert said(answer)[0] == "1 done."
    assert said(answer)[1].startswith("1 refused. A ticket that is closed cannot become resolved")


@pytest.mark.parametrize(
    ("name", "status"), [("wait", "pending"), ("close", "closed"), ("resolve", "resolved")]
)
def test_each_move_has_its_action(name, status):
    ticket = TicketFactory.create()

    act(signed_in(Role.OWNER), Ticket, name, [ticket])

    assert Ticket.objects.get().status == status


def test_tickets_are_taken_and_released():
    ticket, client = TicketFactory.create(), signed_in(Role.ADMIN)

    act(client, Ticket, "take", [ticket])
    taken = Ticket.objects.get()
    act(client, Ticket, "release", [ticket])

    assert taken.assignee is not None
    assert taken.assignee.role == Role.ADMIN
    assert Ticket.objects.get().assignee is None
    assert Ticket.objects.get().version == taken.version + 1


def test_too_many_rows_at_once_are_refused_whole(monkeypatch):
    monkeypatch.setattr(base, "MAX_AT_ONCE", 1)
    tickets = [TicketFactory.create(), TicketFactory.create()]

    answer = act(signed_in(Role.OWNER), Ticket, "close", tickets, select_across="1")

    assert said(answer) == ["Choose at most 1 rows at once; nothing was done."]
    assert set(Ticket.objects.values_list("status", flat=True)) == {"open"}


def test_campaigns_and_dead_letters_act_through_their_services():
    _row(0)
    campaign, letter = Campaign.objects.get(), DeadLetter.objects.get()
    client = signed_in(Role.OWNER)

    act(client, Campaign, "cancel", [campaign])
    act(client, DeadLetter, "redrive", [letter])

    assert Campaign.objects.get().status == "cancelled"
    assert DeadLetter.objects.get().redriven_at is not None
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "campaign.cancel",
        "dead_letter.redrive",
    }


def test_no_secret_is_shown():
    _row(0)
    client = signed_in(Role.OWNER)
    user = User.objects.earliest("pk")

    endpoint = client.get(address(WebhookEndpoint, "change", WebhookEndpoint.objects.get().pk))
    person = client.get(address(User, "change", user.pk))

    assert b"whsec_hidden" not in endpoint.content
    assert user.password.encode() not in person.content
    assert re.search(rb"https://a\.test/0", endpoint.content)


def test_the_filter_of_assignees_completes_what_is_typed():
    UserFactory.create(name="Zuleica")
    client = signed_in(Role.ADMIN)

    answer = client.get(
        reverse("admin:autocomplete"),
        {"app_label": "helpdesk", "model_name": "ticket", "field_name": "assignee", "term": "zul"},
    )

    assert [row["text"] for row in answer.json()["results"]] == ["Zuleica"]
    assert signed_in(Role.AGENT).get(reverse("admin:autocomplete")).status_code in (302, 403)
