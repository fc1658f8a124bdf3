"""Old snapshots are thinned out, and windows over them stay exact."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from slo import retention, selectors
from slo.evaluation import evaluate
from slo.models import Objective, Snapshot
from slo.readings import Reading

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def counts(objective, at):
    """Return counts of which one a second is good, and one a second is bad."""
    seconds = round((at - NOW + 40 * DAY).total_seconds())
    return {objective.selection.key: {"0.35": seconds, "+Inf": 2 * seconds}}


def store(objective, start, end, *, every, boot="1.000000"):
    found, at = [], NOW - start
    while at < NOW - end:
        found.append(Snapshot(taken_at=at, boot=boot, counts=counts(objective, at)))
        at += timedelta(seconds=every)
    Snapshot.objects.bulk_create(found)


def ages():
    return [NOW - each.taken_at for each in Snapshot.objects.order_by("-taken_at")]


def test_ten_seconds_become_a_minute_and_an_hour(fast):
    store(fast, 3 * timedelta(hours=1), timedelta(0), every=10)
    store(fast, 2 * DAY + timedelta(hours=3), 2 * DAY, every=60)
    store(fast, 29 * DAY, 28 * DAY + timedelta(hours=3), every=3600)
    retention.tidy(now=NOW)
    kept = ages()
    assert sum(age <= timedelta(hours=2) for age in kept) == pytest.approx(720, abs=1)
    assert sum(timedelta(hours=2) < age <= DAY for age in kept) == pytest.approx(60, abs=2)
    assert sum(age > 2 * DAY for age in kept) == pytest.approx(3, abs=1)
    assert retention.tidy(now=NOW) == 0


def test_a_planner_that_was_told_of_an_empty_table_is_as_quick(fast):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE slo_snapshot")
        store(fast, timedelta(days=3), timedelta(hours=2), every=20)
        assert retention.tidy(now=NOW) > 8_000  # within the desk's statement timeout
        cursor.execute("ANALYZE slo_snapshot")  # what a planner is told outlives the test


def test_end_of_a_boot_is_never_thinned_away(fast):
    store(fast, 5 * DAY + timedelta(minutes=50), 5 * DAY + timedelta(minutes=40), every=10)
    store(fast, 5 * DAY + timedelta(minutes=40), 5 * DAY + timedelta(minutes=30), every=10,
          boot="2.000000")  # fmt: skip
    retention.tidy(now=NOW)
    assert sorted((each.boot, NOW - each.taken_at) for each in Snapshot.objects.all()) == [
        ("1.000000", 5 * DAY + timedelta(minutes=40, seconds=10)),
        ("2.000000", 5 * DAY + timedelta(minutes=30, seconds=10)),
    ]


@pytest.mark.parametrize(
    ("window", "slack"),
    [(timedelta(hours=1), 10), (timedelta(hours=20), 60), (27 * DAY, 3600)],
)
def test_window_over_thinned_snapshots_is_exact_from_its_baseline_on(fast, window, slack):
    store(fast, 28 * DAY, timedelta(days=3), every=1800)
    store(fast, timedelta(days=3), timedelta(hours=2), every=60)
    store(fast, timedelta(hours=2), timedelta(0), every=10)
    retention.tidy(now=NOW)
    present = Reading(taken_at=NOW, boot="1.000000", counts=counts(fast, NOW))
    found = evaluate(
        fast, selectors.history([fast], present, window=window), now=NOW, window=window
    )
    beyond = found.covered_seconds - window.total_seconds()
    assert 0 <= beyond <= slack
    assert found.tally.total == 2 * found.covered_seconds == 2 * found.tally.good


def test_four_weeks_of_seven_objectives_take_two_queries(fast, django_assert_num_queries):
    for number in range(6):
        Objective.objects.create(
            name=f"o{number}", description="-", metric=fast.metric, threshold_seconds="1",
            target_ratio="0.9", window_seconds=28 * 86_400,
        )  # fmt: skip
    store(fast, 28 * DAY, timedelta(days=2), every=3600)
    present = Reading(taken_at=NOW, boot="1.000000", counts=counts(fast, NOW))
    with django_assert_num_queries(2):
        objectives = selectors.list_enabled()
        selectors.evaluate_with(selectors.history(objectives, present), objectives, now=NOW)
    assert len(objectives) == 7
