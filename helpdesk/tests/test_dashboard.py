"""The desk at a glance."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Campaign, CampaignRecipient, DailyMetric
from helpdesk.selectors import cache, dashboard
from helpdesk.tests.caches import REFUSING, counted, use_private_cache
from helpdesk.tests.factories import ContactFactory, MessageFactory, TicketFactory, UserFactory

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
URL = "/api/v1/dashboard"


@pytest.fixture(autouse=True)
def prefix(settings) -> str:
    return use_private_cache(settings)


def hours_ago(hours: float) -> datetime:
    return NOON - timedelta(hours=hours)


def opened(hours, **fields):
    at = hours_ago(hours)
    fields = {"last_activity_at": at, **fields}
    return TicketFactory.create(created_at=at, updated_at=at, **fields)


def a_day_at_the_desk():
    """Tickets whose places in the dashboard are known."""
    opened(1, last_message_direction="inbound", priority="urgent")  # late: its target is 30 min
    opened(1, last_message_direction="outbound", first_response_at=hours_ago(0.5), priority="low")
    opened(30, status="pending", assignee=UserFactory.create(), channel="email")  # late: 8 h
    opened(
        10, status="resolved", first_response_at=hours_ago(9), resolved_at=hours_ago(4),
        last_activity_at=hours_ago(4),
    )  # fmt: skip
    opened(50, status="closed", resolved_at=hours_ago(40), last_activity_at=hours_ago(40))


@pytest.mark.django_db
def test_tickets_are_counted_by_what_they_wait_for():
    a_day_at_the_desk()

    seen = dashboard.compute(now=NOON)

    assert seen["tickets"] == {
        "open": 2,
        "pending": 1,
        "unassigned": 2,
        "awaiting_reply": 1,
        "first_response_overdue": 2,
    }
    assert seen["by_channel"] == {"whatsapp": 2, "telegram": 0, "web": 0, "email": 1}
    assert seen["by_priority"] == {"low": 1, "medium": 1, "high": 0, "urgent": 1}
    assert (seen["today"]["tickets_created"], seen["today"]["tickets_resolved"]) == (3, 1)


@pytest.mark.django_db
def test_messages_of_today_are_counted_by_direction():
    ticket = opened(1)
    for kind, status in (
        ("inbound", "delivered"), ("outbound", "sent"), ("outbound", "failed"),
        ("note", "delivered"),
    ):  # fmt: skip
        MessageFactory.create(ticket=ticket, kind=kind, status=status, created_at=hours_ago(1))
    MessageFactory.create(
        ticket=ticket, kind="inbound", status="delivered", created_at=hours_ago(13)
    )

    today = dashboard.compute(now=NOON)["today"]

    assert (today["messages_in"], today["messages_out"], today["messages_failed"]) == (1, 2, 1)


@pytest.mark.django_db
def test_response_times_say_from_how_many_tickets_they_come():
    a_day_at_the_desk()
    DailyMetric.objects.create(
        date=NOON.date() - timedelta(days=1), tickets_resolved=3, first_responses=2,
        first_response_p50_seconds=600, first_response_p90_seconds=900,
        resolution_p50_seconds=7200, resolution_p90_seconds=7200,
    )  # fmt: skip
    DailyMetric.objects.create(
        date=NOON.date() - timedelta(days=30), first_responses=99, first_response_p50_seconds=1
    )

    seen = dashboard.compute(now=NOON)

    # Today's two answers took 30 and 60 minutes.
    assert seen["first_response"] == {
        "p50_seconds": (600 * 2 + 2700 * 2) / 4,
        "p90_seconds": (900 * 2 + 3420 * 2) / 4,
        "counted": 4,
        "days": 2,
    }
    assert (seen["resolution"]["p50_seconds"], seen["resolution"]["counted"]) == (10_800, 4)
    assert [day["date"] for day in seen["days"]] == ["2026-07-14", "2026-07-15"]


@pytest.mark.django_db
def test_without_data_times_are_unknown_and_not_zero():
    seen = dashboard.compute(now=NOON)

    nothing = {"p50_seconds": None, "p90_seconds": None, "counted": 0, "days": 0}
    assert (seen["first_response"], seen["resolution"]) == (nothing, nothing)
    assert seen["campaigns"] == []


@pytest.mark.django_db
def test_campaigns_under_way_show_how_far_they_are():
    for name, status in (("News", "running"), ("Old", "finished"), ("Held", "paused")):
        campaign = Campaign.objects.create(
            name=name, channel="web", body="Hi", status=status, created_at=NOON
        )
        for state in ("sent", "sent", "failed") if name == "News" else ():
            CampaignRecipient.objects.create(
                campaign=campaign, contact=ContactFactory.create(), status=state
            )

    held, news = dashboard.compute(now=NOON)["campaigns"]

    assert (held["name"], held["total"]) == ("Held", 0)
    assert {name: news[name] for name in ("name", "total", "sent", "failed", "pending")} == {
        "name": "News", "total": 3, "sent": 2, "failed": 1, "pending": 0,
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [3, 30])
def test_it_costs_the_same_few_queries_however_many_rows(rows):
    for number in range(rows):
        ticket = opened(number / 10)
        MessageFactory.create(ticket=ticket, created_at=hours_ago(1))
        Campaign.objects.create(
            name="c", channel="web", body="Hi", status="running", created_at=NOON
        )

    with CaptureQueriesContext(connection) as asked:
        dashboard.compute(now=NOON)

    # Settings (version, rows), today's tickets and messages, days, tickets, campaigns (2).
    assert len(asked) == 8


@pytest.mark.django_db
def test_the_copy_is_shown_for_15_seconds_and_then_made_anew(api):
    hits, misses = counted("dashboard", "hit"), counted("dashboard", "miss")
    assert dashboard.show(now=NOON)["tickets"]["open"] == 0
    opened(1)

    assert dashboard.show(now=NOON + timedelta(seconds=14.9))["tickets"]["open"] == 0
    assert dashboard.show(now=NOON + timedelta(seconds=15))["tickets"]["open"] == 1
    assert counted("dashboard", "miss") == misses + 1
    assert counted("dashboard", "hit") == hits + 2


@pytest.mark.django_db
def test_everybody_who_may_read_sees_it(api, viewer):
    assert api.get(URL).json()["desk_name"] == "Steadydesk"


@pytest.mark.django_db
def test_without_redis_it_is_computed_each_time(api, settings):
    use_private_cache(settings, location=REFUSING)
    errors = counted("dashboard", "error")

    assert api.get(URL).json()["tickets"]["open"] == 0
    opened(1)
    assert api.get(URL).json()["tickets"]["open"] == 1
    assert counted("dashboard", "error") == errors + 2


def test_who_gets_the_turn_just_after_another_s_takes_what_that_one_made(monkeypatch):
    claim = cache.claim

    def claim_late(*turn, **options):
        made = {"at": NOON.timestamp(), "value": {"n": 7}}
        cache.keep("dashboard", "copy", made, seconds=9)
        return claim(*turn, **options)

    monkeypatch.setattr(cache, "claim", claim_late)

    assert dashboard.show(now=NOON) == {"n": 7}
    assert cache.peek("dashboard", "turn") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_old_copy", [True, False])
def test_one_computes_while_the_others_get_the_old_copy_or_wait(monkeypatch, has_old_copy):
    now = NOON
    if has_old_copy:
        cache.keep("dashboard", "copy", {"at": now.timestamp() - 20, "value": {"n": 0}}, seconds=9)
    computing, may_end, runs = threading.Event(), threading.Event(), []

    def compute(*, now):
        runs.append(now)
        computing.set()
        assert may_end.wait(5)
        return {"n": len(runs)}

    monkeypatch.setattr(dashboard, "compute", compute)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(dashboard.show(now=now)["n"]))
        for _ in range(6)
    ]
    threads[0].start()
    assert computing.wait(5)
    for thread in threads[1:]:
        thread.start()
    if has_old_copy:  # nobody but the one who computes has to wait
        for thread in threads[1:]:
            thread.join(2)
    may_end.set()
    for thread in threads:
        thread.join(5)

    assert len(runs) == 1
    assert sorted(answers) == ([0] * 5 + [1] if has_old_copy else [1] * 6)


@pytest.mark.django_db
def test_a_failed_computation_gives_its_turn_back(monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(dashboard, "compute", lambda *, now: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dashboard.show(now=NOON)

    assert dashboard.show(now=NOON)["tickets"]["open"] == 0


def test_without_redis_those_who_waited_take_what_the_one_before_read():
    flight, started, may_end, reads = (
        dashboard._OneAtATime(),
        threading.Event(),
        threading.Event(),
        [],
    )

    def read():
        reads.append(1)
        started.set()
        assert may_end.wait(5)
        return {"n": len(reads)}

    answers = []
    threads = [threading.Thread(target=lambda: answers.append(flight.get(read))) for _ in range(4)]
    threads[0].start()
    assert started.wait(5)
    for thread in threads[1:]:
        thread.start()
    while sum(thread.is_alive() for thread in threads) < 4:
        pass
    threading.Event().wait(0.1)  # the three are at the lock now
    may_end.set()
    for thread in threads:
        thread.join(5)

    assert answers == [{"n": 1}] * 4
    may_end.set()
    assert flight.get(read) == {"n": 2}
