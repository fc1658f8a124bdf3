"""The numbers of each day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from helpdesk import dispatch, tasks
from helpdesk.models import DailyMetric, Ticket
from helpdesk.selectors import daily as reads
from helpdesk.services import daily, housekeeping, tickets
from helpdesk.services import settings as settings_writes
from helpdesk.tests.caches import use_private_cache
from helpdesk.tests.factories import MessageFactory, TicketFactory

pytestmark = pytest.mark.django_db
DAY = date(2026, 7, 14)
START = datetime(2026, 7, 14, tzinfo=UTC)
LATER = START + timedelta(days=2)


@pytest.fixture(autouse=True)
def _private_cache(settings) -> None:
    use_private_cache(settings)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def ticket_of(created, *, answered=None, resolved=None):
    times = [moment for moment in (created, answered, resolved) if moment is not None]
    return TicketFactory.create(
        created_at=at(created),
        last_activity_at=at(max(times)),
        first_response_at=None if answered is None else at(answered),
        resolved_at=None if resolved is None else at(resolved),
        status="open" if resolved is None else "resolved",
    )


def rolled_up() -> DailyMetric:
    stored = daily.roll_up(date=DAY, now=LATER)
    assert stored is not None
    return stored


def test_a_day_holds_what_happened_from_midnight_to_midnight():
    ticket_of(-1)  # the evening before
    ticket_of(0, answered=1)
    ticket_of(23.999, answered=24)  # answered on the next day
    ticket_of(-20, answered=2, resolved=4)
    ticket_of(24)

    stored = rolled_up()

    assert (stored.tickets_created, stored.tickets_resolved, stored.first_responses) == (2, 1, 2)
    # The two answers took 1 h and 22 h.
    assert stored.first_response_p50_seconds == pytest.approx(11.5 * 3600)
    assert stored.first_response_p90_seconds == pytest.approx(19.9 * 3600)
    assert stored.resolution_p50_seconds == stored.resolution_p90_seconds == 24 * 3600


def test_messages_belong_to_the_day_they_were_written():
    ticket = ticket_of(0, answered=30)
    for hours, kind, status in (
        (1, "inbound", "delivered"), (2, "outbound", "sent"), (3, "outbound", "failed"),
        (4, "note", "delivered"), (-1, "inbound", "delivered"), (24, "inbound", "delivered"),
    ):  # fmt: skip
        MessageFactory.create(ticket=ticket, kind=kind, status=status, created_at=at(hours))

    stored = rolled_up()

    assert (stored.messages_in, stored.messages_out, stored.messages_failed) == (1, 2, 1)


def test_repeating_it_changes_nothing_and_late_news_replace_the_row():
    ticket = ticket_of(1)
    first = daily.roll_up(date=DAY, now=at(2))
    again = rolled_up()
    Ticket.objects.filter(pk=ticket.pk).update(first_response_at=at(3), last_activity_at=at(3))
    late = rolled_up()

    fields = ("tickets_created", *reads.COLUMNS)
    assert [getattr(first, f) for f in fields] == [getattr(again, f) for f in fields]
    assert late.first_responses == 1
    assert DailyMetric.objects.count() == 1


def test_a_day_that_has_not_begun_is_not_stored():
    assert daily.roll_up(date=DAY, now=START - timedelta(seconds=1)) is None
    assert not DailyMetric.objects.exists()


def test_a_synthetic_day_stays_synthetic():
    DailyMetric.objects.create(date=DAY, is_synthetic=True)

    assert rolled_up().is_synthetic


def test_all_days_since_one_are_filled():
    assert daily.roll_up_since(first=DAY, now=LATER) == 3
    assert list(DailyMetric.objects.order_by("pk").values_list("date", flat=True)) == [
        DAY + timedelta(days=number) for number in range(3)
    ]


def test_the_hourly_job_counts_today_and_yesterday():
    tasks.roll_up_days()

    today = timezone.now().date()
    assert list(DailyMetric.objects.order_by("pk").values_list("date", flat=True)) == [
        today - timedelta(days=1),
        today,
    ]


@pytest.mark.parametrize("name", [dispatch.ROLL_UP_DAYS, dispatch.CLOSE_RESOLVED])
def test_beat_rings_the_desk_s_own_jobs_on_the_maintenance_queue(name):
    assert name in {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    assert name not in django_settings.CELERY_TASK_ROUTES
    assert django_settings.CELERY_TASK_DEFAULT_QUEUE == "maintenance"


def test_every_act_moves_the_last_activity_which_the_numbers_rely_on(api, ticket):
    now = timezone.now()
    api.post(f"/api/v1/tickets/{ticket.pk}/messages", {"body": "Hello"})
    api.post(f"/api/v1/tickets/{ticket.pk}/transition", {"status": "resolved"})

    ticket.refresh_from_db()
    assert now < ticket.first_response_at < ticket.resolved_at <= ticket.last_activity_at


def resolved(days_ago, now):
    return TicketFactory.create(status="resolved", resolved_at=now - timedelta(days=days_ago))


def test_a_ticket_that_stayed_resolved_is_closed_and_others_are_left():
    now = timezone.now()
    old, young, opened = resolved(15, now), resolved(13, now), TicketFactory.create()

    assert housekeeping.close_resolved(now=now) == 1

    assert [Ticket.objects.get(pk=ticket.pk).status for ticket in (old, young, opened)] == [
        "closed",
        "resolved",
        "open",
    ]
    assert old.events.get().type == "ticket.updated"


def test_the_settings_say_after_how_many_days(owner):
    now = timezone.now()
    resolved(3, now)
    settings_writes.change(
        changes={"auto_close_after_days": 2}, actor=owner, request_ip=None, now=now
    )

    tasks.close_resolved()

    assert Ticket.objects.get().status == "closed"


def test_a_call_closes_no_more_than_a_batch(monkeypatch):
    monkeypatch.setattr(housekeeping, "CLOSE_AT_ONCE", 2)
    now = timezone.now()
    for _ in range(3):
        resolved(20, now)

    assert [housekeeping.close_resolved(now=now) for _ in range(3)] == [2, 1, 0]


def test_a_ticket_that_was_reopened_meanwhile_is_left_open():
    now = timezone.now()
    ticket = resolved(20, now)
    limit = now - timedelta(days=14)
    tickets.move(ticket_id=ticket.pk, status="open", now=now)

    assert housekeeping._close(ticket.pk, limit, now) is False
    assert housekeeping._close(0, limit, now) is False
    assert Ticket.objects.get().status == "open"
