"""Windows over stored snapshots: exact, across restarts, and honest about what they cover."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from slo import readings, selectors, services, sources
from slo.evaluation import evaluate
from slo.models import Objective, Snapshot
from slo.readings import Reading

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def stored(objective, when, boot, good, total):
    counts = {objective.selection.key: {"0.35": good, "+Inf": total}}
    return Snapshot.objects.create(taken_at=when, boot=f"{boot:.6f}", counts=counts)


def live(objective, when, boot, good, total):
    counts = {objective.selection.key: {"0.35": good, "+Inf": total}}
    return Reading(taken_at=when, boot=f"{boot:.6f}", counts=counts)


def judged(objective, present, **options):
    source = selectors.history([objective], present, window=options.get("window"))
    return evaluate(objective, source, now=present.taken_at, **options)


def test_window_is_the_present_minus_the_snapshot_at_its_start(fast, now):
    boot = (now - 5 * HOUR).timestamp()
    stored(fast, now - 2 * HOUR, boot, 10, 10)
    stored(fast, now - HOUR - timedelta(seconds=5), boot, 100, 120)
    stored(fast, now - HOUR + timedelta(seconds=5), boot, 101, 121)
    found = judged(fast, live(fast, now, boot, 196, 220))
    assert (found.tally.good, found.tally.total) == (96, 100)
    assert found.state == "met"
    assert found.covered_seconds == pytest.approx(3605)


def test_restart_within_the_window_loses_nothing(fast, now):
    old, new = (now - 5 * HOUR).timestamp(), (now - timedelta(minutes=20)).timestamp()
    stored(fast, now - HOUR - timedelta(seconds=5), old, 100, 100)
    stored(fast, now - timedelta(minutes=40), old, 130, 150)
    stored(fast, now - timedelta(minutes=21), old, 140, 170)
    stored(fast, now - timedelta(minutes=10), new, 300, 300)
    found = judged(fast, live(fast, now, new, 310, 330))
    assert (found.tally.good, found.tally.total) == (40 + 310, 70 + 330)


def test_counters_that_began_in_the_window_are_counted_from_zero(fast, now):
    boot = (now - timedelta(minutes=3)).timestamp()
    found = judged(fast, live(fast, now, boot, 7, 8))
    assert (found.tally.good, found.tally.total) == (7, 8)
    assert found.coverage_ratio == pytest.approx(0.05)


def test_counters_older_than_the_window_without_any_snapshot_are_no_data(fast, now):
    found = judged(fast, live(fast, now, (now - 2 * HOUR).timestamp(), 7, 8))
    assert found.state == "no_data"
    assert found.tally.total == 0


def test_oldest_snapshot_in_the_window_serves_where_none_is_older(fast, now):
    boot = (now - 5 * HOUR).timestamp()
    stored(fast, now - HOUR / 2, boot, 50, 50)
    stored(fast, now - HOUR / 4, boot, 60, 60)
    found = judged(fast, live(fast, now, boot, 70, 75))
    assert (found.tally.good, found.tally.total) == (20, 25)
    assert found.coverage_ratio == pytest.approx(0.5)


def test_window_after_a_pause_of_the_snapshots_does_not_reach_back_before_it(fast, now):
    boot = (now - 9 * HOUR).timestamp()
    stored(fast, now - 3 * HOUR, boot, 0, 1000)
    stored(fast, now - HOUR / 2, boot, 10, 1010)
    found = judged(fast, live(fast, now, boot, 20, 1020))
    assert (found.tally.good, found.tally.total) == (10, 10)


def test_edited_objective_is_counted_from_the_first_snapshot_that_knows_it(fast, now):
    boot = (now - 9 * HOUR).timestamp()
    for minutes in (90, 61, 50):
        Snapshot.objects.create(
            taken_at=now - timedelta(minutes=minutes), boot=f"{boot:.6f}", counts={"old": {}}
        )
    for minutes in (30, 20, 10):
        stored(fast, now - timedelta(minutes=minutes), boot, 100 - minutes, 100 - minutes)
    found = judged(fast, live(fast, now, boot, 100, 100))
    assert found.tally.total == 30


def test_short_window_decides_at_risk(fast, now):
    boot = (now - 9 * HOUR).timestamp()
    stored(fast, now - HOUR - timedelta(seconds=5), boot, 0, 0)
    stored(fast, now - timedelta(seconds=301), boot, 980, 980)
    found = judged(fast, live(fast, now, boot, 981, 1000))
    assert found.state == "at_risk"
    assert {window: float(rate) for window, rate in found.burn_rates.items()} == {
        "5m": pytest.approx(19), "1h": pytest.approx(0.38),
    }  # fmt: skip


@pytest.mark.parametrize("objectives", [1, 6])
def test_history_takes_one_query_however_many_objectives(
    fast, now, objectives, django_assert_num_queries
):
    others = [
        Objective.objects.create(
            name=f"o{number}", description="-", metric=fast.metric, threshold_seconds="1",
            target_ratio=Decimal("0.9"), window_seconds=600 * number,
        )
        for number in range(1, objectives)
    ]  # fmt: skip
    present = live(fast, now, now.timestamp(), 1, 1)
    with django_assert_num_queries(1):
        selectors.history([fast, *others], present)


def test_snapshot_counts_what_the_registry_shows(fast, metrics, now):
    metrics.seconds.labels("api:tickets").observe(0.2)
    metrics.seconds.labels("api:tickets").observe(0.5)
    metrics.seconds.labels("admin:index").observe(9)
    snapshot = services.take_snapshot(now=now)
    assert snapshot.counts[fast.selection.key] == {"0.1": 0, "0.35": 1, "1.0": 2, "+Inf": 2}


def test_snapshot_then_more_requests_are_exactly_those(fast, metrics, now):
    metrics.seconds.labels("api:tickets").observe(0.2)
    services.take_snapshot(now=now - timedelta(minutes=2))
    for seconds in (0.1, 0.36, 0.35):
        metrics.seconds.labels("api:tickets").observe(seconds)
    found = selectors.evaluate_all(now=now, names=["fast"], window=timedelta(minutes=1))
    assert [(each.tally.good, each.tally.total) for each in found] == [(2, 3)]


def test_snapshots_older_than_four_weeks_are_forgotten(fast, now):
    stored(fast, now - timedelta(days=29), 1, 1, 1)
    services.take_snapshot(now=now)
    assert [each.taken_at for each in Snapshot.objects.all()] == [now]


def test_gauge_is_checked_once_a_snapshot(none_stalled, metrics, now):
    for value in (0, 3, 0):
        metrics.stalled.set(value)
        services.take_snapshot(now=now)
    (found,) = selectors.evaluate_all(now=now, names=[none_stalled.name])
    assert (found.tally.good, found.tally.total) == (2, 3)
    assert found.state == "missed"
    assert found.burn_rates == {"5m": None, "1h": None}


def test_gauge_that_nobody_reports_is_not_checked(none_stalled, now):
    Objective.objects.filter(pk=none_stalled.pk).update(metric="nobody_reports_this")
    services.take_snapshot(now=now)
    (found,) = selectors.evaluate_all(now=now)
    assert found.state == "no_data"


def test_counter_is_good_unless_bad(errors, metrics, now):
    metrics.answers.labels("200").inc(199)
    metrics.answers.labels("503").inc()
    reading = sources.read_registry([errors.selection], now=now)
    (found,) = selectors.evaluate_with(selectors.history([errors], reading), [errors], now=now)
    assert (found.tally.good, found.tally.total) == (199, 200)
    assert found.state == "missed"  # fewer than 0.5 % is promised, and this is 0.5 %


def test_reading_survives_its_json(fast, now):
    reading = live(fast, now, 123.25, 1, 2)
    assert readings.from_json(reading.as_json()) == reading


def test_task_takes_a_snapshot(fast):
    from slo.tasks import take_snapshot  # noqa: PLC0415 - registers on the app of the project

    take_snapshot(an_argument_of_a_newer_publisher=1)
    assert Snapshot.objects.get().taken_at <= timezone.now()
