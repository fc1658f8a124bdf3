"""What stands around the tickets: there once, true to the rows, and gone when it should be."""

from __future__ import annotations

import json
from datetime import date

import pytest
from django.core.management import call_command

from helpdesk.models import (
    AuditEntry,
    Campaign,
    DailyMetric,
    Setting,
    Ticket,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from helpdesk.selectors import daily
from helpdesk.selectors import settings as chosen
from helpdesk.tests.factories import UserFactory
from qa_seed.surroundings import SETTINGS

pytestmark = pytest.mark.django_db


def wipe():
    call_command("seed_qa", wipe=True, verbosity=0)


def test_endpoints_are_off_and_have_a_past(seed):
    seed(tickets=300)
    assert list(WebhookEndpoint.objects.values_list("is_active", flat=True)) == [False, False]
    deliveries = WebhookDelivery.objects.all()
    assert set(deliveries.values_list("status", flat=True)) == {"delivered", "failed"}
    subjects = dict(Ticket.objects.values_list("pk", "subject"))
    for delivery in deliveries:
        assert delivery.payload["data"]["subject"] == subjects[delivery.payload["ticket"]]
        assert delivery.next_attempt_at is None


def test_saved_settings_hold_and_those_of_people_are_left_alone(seed):
    Setting.objects.create(
        key="auto_close_after_days", value=5, updated_by=None, updated_at="2026-01-01T00:00:00Z"
    )
    seed()
    assert chosen.current()["auto_close_after_days"] == 5
    target = "first_response_target_minutes"
    assert chosen.current()[target] == SETTINGS[target]
    wipe()
    assert chosen.current()["auto_close_after_days"] == 5
    assert chosen.current()[target] == chosen.CATALOGUE[target].default


def test_the_log_outlives_a_wipe_and_tells_nothing_twice(seed):
    seed()
    entries = list(AuditEntry.objects.order_by("id").values_list("id", "action", "trace_id"))
    assert {action for _, action, _ in entries} == {"user.create", "settings.change"}
    wipe()
    assert not User.objects.exists()
    assert "0 audit entries" in seed()
    found = AuditEntry.objects.order_by("id").values_list("id", "action", "trace_id")
    assert list(found) == entries


def test_thirty_days_are_counted_from_the_rows(seed):
    seed(tickets=200)
    days = DailyMetric.objects.order_by("date")
    assert days.count() == 30
    assert all(day.is_synthetic for day in days)
    assert sum(day.tickets_created for day in days) > 50
    for day in (days[3], days[28]):
        counted = daily.count(date=day.date)
        assert {name: getattr(day, name) for name in counted} == counted


def test_more_tickets_are_counted_too_and_counted_days_are_left_alone(seed):
    ours = date(2026, 11, 20)
    DailyMetric.objects.create(date=ours, tickets_created=1234)
    seed(tickets=20)
    few = sum(DailyMetric.objects.filter(is_synthetic=True).values_list("messages_in", flat=True))
    seed(tickets=200)
    many = sum(DailyMetric.objects.filter(is_synthetic=True).values_list("messages_in", flat=True))
    assert many > few
    wipe()
    assert list(DailyMetric.objects.values_list("date", "tickets_created")) == [(ours, 1234)]


def test_a_colleague_in_the_log_alone_goes_with_a_wipe(seed):
    seed()
    agent = User.objects.get(email="agent@demo.test")
    AuditEntry.objects.create(
        actor=agent, actor_email=agent.email, action="ticket.move", created_at="2026-11-24T00:00Z"
    )
    wipe()
    assert not User.objects.filter(pk=agent.pk).exists()


def test_accounts_and_ids_are_written_for_k6_and_browsers(seed, tmp_path):
    UserFactory.create(email="somebody@else.test")
    accounts, ids = tmp_path / "out" / "accounts.json", tmp_path / "ids.json"
    seed(users=40, tickets=120, accounts=accounts, ids=ids)
    people = json.loads(accounts.read_text())
    assert [person["role"] for person in people[:4]] == ["OWNER", "ADMIN", "AGENT", "VIEWER"]
    assert len(people) == User.objects.filter(is_active=True).count() - 1 < 40
    for person in (people[0], people[-1]):
        assert User.objects.get(email=person["email"]).check_password(person["password"])
    found = json.loads(ids.read_text())
    assert set(found["campaigns"]) == {"draft", "running", "finished"}
    assert Campaign.objects.filter(pk=found["campaigns"]["draft"][0]).exists()
    assert Ticket.objects.filter(pk__in=found["open_tickets"]).exclude(
        status__in=["open", "pending"]
    ).count() == 0 < len(found["open_tickets"])  # fmt: skip
