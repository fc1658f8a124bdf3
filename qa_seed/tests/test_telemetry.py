"""The made-up history: names and shape of the real metrics, rhythm of the desk, one incident."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as exposition

from monitoring.check import ROOT
from monitoring.checks import files, queries
from qa_seed import backfill
from qa_seed.logbook import Logbook
from qa_seed.openmetrics import TARGET, UnknownEdges
from qa_seed.telemetry import incident_of
from qa_seed.tests.nowhere import NOW, plan
from qa_seed.tests.test_invariants import PHASES
from qa_seed.working_time import SAO_PAULO, Arrivals, is_working_day
from slo import services

OBJECTIVES = services.unsaved_default_objectives()
LATENCY = "django_http_requests_latency_seconds_by_view_method"


def moments(days):
    return backfill.moments(NOW, real_now=NOW, days=days)


def texts(days, **changes):
    return [
        "".join(lines) for lines, _ in backfill.texts(plan(**changes), moments(days), OBJECTIVES)
    ]


@pytest.fixture(scope="module")
def week():
    """Every sample of a week: {(name, labels): {second: value}}."""
    found: dict[str, dict[int, float]] = {}
    for text in texts(7):
        for line in text.splitlines():
            if not line.startswith("#"):
                series, value, second = line.rsplit(" ", 2)
                found.setdefault(series, {})[int(second)] = float(value)
    return found


def growth(week, pattern, begin, end):
    """Return by how much the matched series grew between two moments."""
    first, last = (int(each.timestamp()) // 300 * 300 for each in (begin, end))
    matched = [seen for series, seen in week.items() if re.match(pattern, series)]
    assert matched, pattern
    return sum(seen[last] - seen[first] for seen in matched)


@pytest.mark.django_db
def test_names_types_labels_and_edges_are_those_of_the_running_code(client):
    client.get("/api/v1/tickets")
    real: dict[str, set[str]] = {}
    for family in exposition(client.get("/metrics").content.decode()):
        for sample in family.samples:
            real.setdefault(sample.name, set()).update(sample.labels)
    listed: dict[str, str] = {}
    for group in files.document(ROOT, queries.METRICS).values():
        listed.update(group)
    # One moment: prometheus_client's parser, strict otherwise, takes a second one for a fault.
    ((lines, _),) = backfill.texts(plan(), moments(1)[:1], OBJECTIVES)
    for family in openmetrics("".join(lines)):
        name = family.name + ("_total" if family.type == "counter" else "")
        assert listed[name] == family.type
        for sample in family.samples:
            assert sample.labels.items() >= TARGET.items()
            labels = set(sample.labels) - set(TARGET) - {"le"}
            assert labels == labels_of(name, sample.name, real), sample


def labels_of(family, sample, real):
    """Return the label names of a series in the running code."""
    if sample in real:
        return real[sample] - {"le"}
    counted = family if family in REGISTRY._names_to_collectors else alias_of(family)
    collector: Any = REGISTRY._names_to_collectors[counted]
    return set(collector._labelnames)


def alias_of(view):
    return {"queue_lag_ms": "celery_queue_lag_seconds", "http_request_duration_ms": LATENCY}.get(
        view, "helpdesk_tickets"
    )


def test_milliseconds_have_the_edges_of_the_seconds(week):
    lag = {re.sub(r".*le=\"([^\"]+)\".*", r"\1", key) for key in week if "queue_lag_ms_b" in key}
    assert {"10.0", "1000.0", "5000.0", "+Inf"} < lag


def test_the_same_plan_gives_the_same_text_and_another_seed_another():
    def digest(**changes):
        return hashlib.sha256("".join(texts(1, **changes)).encode()).hexdigest()

    assert digest() == digest()
    assert digest() != digest(seed=43)


def test_a_metric_that_was_renamed_stops_the_run():
    with pytest.raises(UnknownEdges, match="helpdesk_renamed_seconds is no histogram"):
        Logbook().observe("helpdesk_renamed_seconds", 1, 1)


@settings(max_examples=5, deadline=None, phases=PHASES)
@given(st.integers(0, 2**63 - 1), st.integers(0, 50), st.floats(1, 20))
def test_counters_never_fall_and_buckets_hold_what_smaller_ones_hold(seed, tickets, mean):
    wanted = plan(seed=seed, tickets=tickets, messages_per_ticket=mean)
    before: dict[str, float] = {}
    smaller = 0.0
    for lines, _ in backfill.texts(wanted, moments(1)[:24], OBJECTIVES):
        for line in lines:
            if re.match(r"#|slo_[^g]|helpdesk_(tickets|dead|stalled)", line):
                continue  # gauges
            series, value, _ = line.rsplit(" ", 2)
            count = float(value)
            assert count >= before.get(series, 0), line
            before[series] = count
            if "_bucket{" in line:
                assert count >= smaller, line
            smaller = count if "_bucket{" in line and '"+Inf"' not in line else 0.0


@given(st.integers(0, 10_000_000), st.integers(-10_000, 10_000))
def test_the_last_three_hours_are_never_written(ago, minutes):
    real_now = NOW - timedelta(seconds=ago)
    now = real_now + timedelta(minutes=minutes)
    when = backfill.moments(now, real_now=real_now, days=1)
    assert max(when) < min(now, real_now) - timedelta(hours=3)
    assert when[-1] - when[0] == timedelta(days=1) - timedelta(minutes=5)


def test_days_have_the_rhythm_of_the_desk(week):
    counted = r"django_http_requests_total_by_view_transport_method_total"

    def requests(day, hour):
        begin = datetime(2026, 11, day, hour, tzinfo=SAO_PAULO)
        return growth(week, counted, begin, begin + timedelta(hours=2))

    thursday, sunday = 19, 22
    assert requests(thursday, 10) > 4 * requests(thursday, 2)
    assert requests(thursday, 10) > 2 * requests(sunday, 10)


def test_shares_of_arrivals_grow_from_nothing_to_all():
    arrivals = Arrivals(NOW, days=120)
    seen = [arrivals.until(NOW - timedelta(days=days)) for days in range(122, -1, -1)]
    assert seen == sorted(seen)
    assert (seen[0], round(seen[-1], 2)) == (0, 1)


@pytest.mark.parametrize("seed", range(12))
def test_the_incident_is_on_a_working_day_within_the_history(seed):
    when = moments(30)
    start = incident_of(plan(seed=seed), when[0], when[-1]).start
    assert when[0] < start < when[-1] - timedelta(days=2)
    assert is_working_day(start.date())


def test_the_incident_shows_in_every_metric_it_touches_and_dents_the_budget(week):
    when = moments(7)
    start = incident_of(plan(), when[0], when[-1]).start
    bad = (start + timedelta(minutes=30), start + timedelta(minutes=120))
    calm = tuple(at - timedelta(hours=3) for at in bad)

    def shares(part, whole):
        return [growth(week, part, *each) / growth(week, whole, *each) for each in (calm, bad)]

    usual, slow = shares(rf'{LATENCY}_bucket.*le="0.35"', rf"{LATENCY}_count")
    assert usual > 0.95
    assert slow < 0.75
    usual, late = shares(
        r'celery_queue_lag_seconds_bucket.*queue="messages".*le="1.0"',
        r'celery_queue_lag_seconds_count.*queue="messages"',
    )
    assert usual > 0.98
    assert late < 0.3
    answers = "django_http_responses_total_by_status_view_method_total"
    usual, failed = shares(rf'{answers}.*status="503"', answers)
    assert usual < 0.005
    assert failed > 0.02
    (left,) = [seen for key, seen in week.items() if re.match(r"slo_error_b.*api-errors", key)]
    assert min(left.values()) < 0 < left[int(when[-1].timestamp())]
