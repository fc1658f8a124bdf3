"""The pages and the charts on them: true numbers, gaps as gaps, broken times shaded."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from slo import breakdown, charts, interruptions, registry, trends
from slo.arithmetic import Tally
from slo.models import Objective, Snapshot
from slo.trends import Point

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def broken_lately(since, _until):
    """Stand in for the project's hook: one fault that is over, one that began before."""
    yield since - timedelta(hours=1), since + FIVE, "provider/500"
    yield since - timedelta(hours=9), since - timedelta(hours=8), "redis/down"


@pytest.fixture(autouse=True)
def own_counts(settings):
    settings.SLO = {"CHAOS_INTERVALS": "slo.tests.test_pages.broken_lately"}


@pytest.fixture
def viewer():
    user = get_user_model().objects.create(email="v@example.test", name="V", role="VIEWER")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def store(objective, minutes_ago, good, total, *, now=NOW):
    counts = {objective.selection.key: {"0.35": good, "+Inf": total}}
    at = now - timedelta(minutes=minutes_ago)
    return Snapshot.objects.create(taken_at=at, boot="1.000000", counts=counts)


def points_of(objective):
    return trends.lately([objective], now=NOW)[objective.name]


def test_interval_counts_what_grew_in_it(fast):
    for minutes_ago, good, total in ((15, 10, 10), (10, 30, 30), (5, 31, 40), (0, 31, 40)):
        store(fast, minutes_ago, good, total)
    points = points_of(fast)
    assert len(points) == 24
    assert [each.tally for each in points[:-3]] == [None] * 21
    assert [each.tally for each in points[-3:]] == [
        Tally(good=20, total=20), Tally(good=1, total=10), None,
    ]  # fmt: skip
    assert [each.is_kept for each in points[-3:-1]] == [True, False]


def test_pause_of_the_snapshots_is_a_gap_and_not_a_burst_after_it(fast):
    for minutes_ago, total in ((60, 0), (56, 40), (10, 901), (5, 910)):
        store(fast, minutes_ago, total, total)
    totals = [each.tally and each.tally.total for each in points_of(fast)]
    assert totals[-3] is None  # 861 events, nobody knows when
    assert totals[-2] == 9


def test_history_of_all_objectives_takes_one_query(fast, django_assert_num_queries):
    other = Objective.objects.create(
        name="other", description="-", metric=fast.metric, threshold_seconds="1",
        target_ratio="0.9", window_seconds=7 * 86_400,
    )  # fmt: skip
    with django_assert_num_queries(1):
        found = trends.lately([fast, other], now=NOW)
    assert set(found) == {"fast", "other"}


def point(place, good=None, *, is_kept=True):
    tally = None if good is None else Tally(good=good, total=100)
    since = NOW + place * FIVE
    return Point(since=since, until=since + FIVE, tally=tally, is_kept=is_kept)


def test_chart_breaks_its_line_at_a_gap_and_crosses_what_missed():
    points = [point(0, 99), point(1, 98), point(2), point(3, 50, is_kept=False), point(4, 99)]
    svg = charts.history(points, Decimal("0.95"))
    assert svg.count('class="slo-line"') == 2
    assert svg.count('class="slo-kept"') == 3
    assert svg.count('class="slo-missed"') == 1
    assert 'aria-label="5 intervals: 3 kept, 1 missed, 1 without data"' in svg
    assert "12:15 to 12:20 UTC: 50 of 100, 50.00 %" in svg


def test_chart_shades_broken_times_where_they_were():
    points = [point(place, 99) for place in range(10)]
    fault = interruptions.Interruption(since=NOW + FIVE, until=NOW + 2 * FIVE, what="redis/<down>")
    svg = charts.history(points, Decimal("0.95"), [fault])
    ((left, width),) = re.findall(r'<rect x="([\d.]+)" y="26" width="([\d.]+)"', svg)
    assert float(left) == pytest.approx(58 + 65, abs=0.2)
    assert float(width) == pytest.approx(65, abs=0.2)
    assert "redis/&lt;down&gt;, 12:05 to 12:10 UTC" in svg


def test_chart_names_each_broken_time_that_has_room_and_never_two_at_one_place():
    points = [point(place, 99) for place in range(10)]
    faults = [
        interruptions.Interruption(since=NOW + place * FIVE, until=NOW + (place + 1) * FIVE, what=w)
        for place, w in ((0, "redis/down"), (1, "redis/slow"), (8, "provider/500"))
    ]
    svg = charts.history(points, Decimal("0.95"), faults)
    assert svg.count("<rect") == 3
    assert re.findall(r'text-anchor="\w+">([a-z]+/\w+)<', svg) == ["redis/down", "provider/500"]


def test_chart_tells_the_target_where_it_has_no_room_for_the_whole():
    svg = charts.history([point(0, 1, is_kept=False), point(1, 99)], Decimal("0.95"))
    assert ">95 %<" in svg
    assert ">100 %<" not in svg
    assert ">100 %<" in charts.history([point(0, 95), point(1, 96)], Decimal("0.95"))


@pytest.mark.parametrize(("left", "x", "kind"), [("0.5", "36", "left"), ("-4", "0.0", "over")])
def test_budget_bar_goes_right_of_zero_or_left_of_it(left, x, kind):
    assert f'class="slo-{kind}" x="{x}"' in charts.budget_bar(Decimal(left))


def test_chart_of_nothing_is_empty_and_says_so():
    svg = charts.sparkline([point(0), point(1)], Decimal(1))
    assert "2 intervals: 0 kept, 0 missed, 2 without data" in svg
    assert "slo-line" not in svg
    assert "nan" not in svg


def test_interruptions_are_the_projects_and_cut_to_the_chart():
    (found,) = interruptions.between(NOW, NOW + 12 * FIVE)
    assert (found.since, found.until, found.what) == (NOW, NOW + FIVE, "provider/500")


def test_without_a_hook_nothing_was_broken(settings):
    settings.SLO = {}
    assert interruptions.between(NOW, NOW + FIVE) == []


def test_breakdown_names_the_worst_series_first(fast, errors, metrics):
    for view, seconds in (("api:a", 0.1), ("api:a", 0.1), ("api:b", 9), ("web:c", 9)):
        metrics.seconds.labels(view).observe(seconds)
    metrics.answers.labels("200").inc(3)
    metrics.answers.labels("503").inc()
    parts = breakdown.parts(fast, registry.families())
    assert [(each.labels, each.tally.good, each.tally.total) for each in parts] == [
        ("view=api:b", 0, 1), ("view=api:a", 2, 2),
    ]  # fmt: skip
    (whole,) = breakdown.parts(errors, registry.families())
    assert (whole.labels, whole.tally) == ("", Tally(good=3, total=4))


def text_of(response):
    assert response.status_code == 200
    return response.content.decode()


def test_dashboard_tells_a_viewer_how_every_promise_stands(viewer, fast, errors, metrics):
    now = timezone.now()
    store(fast, 61, 0, 0, now=now)
    Snapshot.objects.update(boot=f"{(now - timedelta(days=1)).timestamp():.6f}")
    metrics.seconds.labels("api:a").observe(9)
    text = text_of(viewer.get("/slo"))
    assert "<strong>0 of 1</strong> measured promises are kept." in text
    assert "No data: errors." in text
    assert 'data-state="missed"' in text
    assert 'data-state="no_data"' in text
    assert "0 of 1</span>" in text
    assert "P95 &gt; 1 s" in text


def test_pages_obey_the_strict_policy(viewer, fast):
    for address in ("/slo", "/slo/fast"):
        response = viewer.get(address)
        assert "script-src 'self'; style-src 'self'" in response["Content-Security-Policy"]
        text = text_of(response)
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*src=)|\son[a-z]+=", text)
        assert not re.search(r"""(src|href)=["'](https?:)?//""", text)


def test_page_of_an_objective_shows_history_series_and_both_formulas(viewer, fast, metrics):
    metrics.seconds.labels("api:a").observe(0.2)
    text = text_of(viewer.get("/slo/fast"))
    for part in (
        "view=api:a",
        "provider/500",
        "At least 95 % of",
        f"sum(increase({metrics.histogram_name}_count{{view=~&quot;api:.*&quot;,source!=",
        "24 intervals",
        "6\N{MULTIPLICATION SIGN} over 5m and 1m",
        "when its counters began: not over the window above",
    ):
        assert part in text


def test_page_of_an_unknown_objective_is_not_found(viewer, fast):
    assert viewer.get("/slo/nothing").status_code == 404


def test_pages_say_when_the_source_is_down(viewer, fast, settings):
    settings.SLO = {"PROMETHEUS_URL": "http://127.0.0.1:9"}
    for address in ("/slo", "/slo/fast"):
        response = viewer.get(address)
        assert response.status_code == 503
        assert "The counts cannot be read" in response.content.decode()


def test_nobody_is_sent_to_the_login_page():
    assert Client().get("/slo")["Location"] == "/login?next=/slo"
