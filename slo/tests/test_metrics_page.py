"""What `/metrics` shows, and to whom."""

import math
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from slo import exporter, patience, registry, services, text
from slo.instruments import milliseconds
from slo.models import Objective

pytestmark = pytest.mark.django_db
LATENCY = "django_http_requests_latency_seconds_by_view_method"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, settings):
    settings.SLO = {"METRICS_TOKEN": "scrape-me"}
    monkeypatch.setattr(exporter, "_last", exporter._LastKnown())
    monkeypatch.setattr(patience.DATABASE, "_resting_until_seconds", float("-inf"))


def scrape(**headers):
    response = Client().get("/metrics", headers=headers)
    assert response.status_code == 200
    return list(text_string_to_metric_families(response.content.decode()))


def samples(families, name):
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 401),
        ("10.0.0.7", {"Authorization": "Bearer scrape-me"}, 200),
        ("10.0.0.7", {"Authorization": "Bearer wrong"}, 401),
        ("10.0.0.7", {"Authorization": "scrape-me"}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "x", "Authorization": "Bearer scrape-me"}, 200),
        ("", {}, 401),
    ],
)
def test_only_this_machine_may_scrape_without_a_token(address, headers, status):
    assert Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code == status


def test_no_token_configured_means_no_token_accepted(settings):
    settings.SLO = {"METRICS_TOKEN": ""}
    client = Client(REMOTE_ADDR="10.0.0.7")
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_page_is_prometheus_text_without_created_series(fast):
    response = Client().get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"_created" not in response.content


def test_milliseconds_equal_the_seconds_exactly():
    for path in ("/metrics", "/nowhere", "/livez"):
        Client().get(path)
    found = scrape()
    seconds, views = (
        samples(found, f"{name}_bucket") for name in (LATENCY, milliseconds.NAMES[LATENCY])
    )
    assert seconds
    assert views == {
        tuple(sorted({**dict(labels), "le": _in_ms(dict(labels)["le"])}.items())): value
        for labels, value in seconds.items()
    }
    assert samples(found, f"{LATENCY}_count") == samples(found, "http_request_duration_ms_count")
    sums = samples(found, f"{LATENCY}_sum"), samples(found, "http_request_duration_ms_sum")
    assert sums[1] == {labels: value * 1000 for labels, value in sums[0].items()}
    assert {dict(labels)["le"] for labels in views} >= {"120.0", "350.0", "+Inf"}


def _in_ms(edge):
    return "+Inf" if edge == "+Inf" else f"{round(float(edge) * 1000)}.0"


def test_standing_is_exposed(fast, errors, metrics):
    services.take_snapshot(now=timezone.now() - timedelta(hours=2))
    metrics.answers.labels("200").inc(1000)
    for seconds in (0.1, 0.1, 0.1, 9):
        metrics.seconds.labels("api:tickets").observe(seconds)
    found = scrape()
    one, other = (("slo", "fast"),), (("slo", "errors"),)
    assert samples(found, "slo_target_ratio") == {one: 0.95, other: 0.995}
    assert samples(found, "slo_observed_ratio") == {one: 0.75, other: 1}
    assert samples(found, "slo_compliant") == {one: 0, other: 1}
    assert samples(found, "slo_error_budget_remaining_ratio") == {one: -4, other: 1}
    assert samples(found, "slo_burn_rate")[("slo", "fast"), ("window", "1h")] == 5
    assert samples(found, "slo_overall_compliance_ratio") == {(): 0.5}


def test_without_data_series_are_absent_and_nothing_is_nan(fast):
    found = scrape()
    assert samples(found, "slo_target_ratio") == {(("slo", "fast"),): 0.95}
    for name in ("slo_observed_ratio", "slo_compliant", "slo_overall_compliance_ratio"):
        assert samples(found, name) == {}
    values = [sample.value for family in found for sample in family.samples]
    assert not any(math.isnan(value) for value in values)


def test_scrape_survives_the_database(fast, metrics, monkeypatch):
    metrics.seconds.labels("api:tickets").observe(0.1)
    Objective.objects.update(window_seconds=10 * 86_400)

    def refuse(*_query):
        raise OperationalError("the database is down")

    assert samples(scrape(), "slo_overall_compliance_ratio") == {(): 1}
    with connection.execute_wrapper(refuse):
        assert samples(scrape(), "slo_overall_compliance_ratio") == {(): 1}  # the last known
        later = time.monotonic() + 61
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert samples(scrape(), "slo_overall_compliance_ratio") == {}
        assert samples(scrape(), f"{metrics.histogram_name}_count")


def test_failed_database_is_left_alone_for_a_while(fast, monkeypatch):
    asked = []

    def refuse(*query):
        asked.append(query)
        raise OperationalError("the database is down")

    with connection.execute_wrapper(refuse):
        scrape()
        scrape()
    assert len(asked) == 1


def slow_collectors():
    class Slow:
        def collect(self):
            SLEPT.append(1)
            time.sleep(1.1)
            return []

    return [Slow(), Slow()]


SLEPT: list[int] = []


def test_slow_collector_is_waited_for_once_and_then_left_alone(fast, settings):
    settings.SLO = {"COLLECTORS": "slo.tests.test_metrics_page.slow_collectors"}
    scrape()
    scrape()
    assert len(SLEPT) == 1


def test_page_equals_what_upstream_would_write(fast, metrics):
    metrics.seconds.labels('with "quotes", \\ and\na line').observe(1e-7)
    metrics.answers.labels("200").inc(12345678.5)
    metrics.stalled.set(-0.25)
    found = list(registry.Exposition().collect())

    class Found:
        def collect(self):
            return found

    assert (
        text.render(found).decode().splitlines() == generate_latest(Found()).decode().splitlines()
    )


def broken_collectors():
    class Broken:
        def collect(self):
            raise RuntimeError("broken on purpose")

    return [Broken()]


def test_broken_collector_does_not_blind_the_scrape(fast, settings):
    settings.SLO = {"COLLECTORS": "slo.tests.test_metrics_page.broken_collectors"}
    assert samples(scrape(), "slo_counters_began_timestamp_seconds")


def test_scrape_takes_two_queries(fast, errors, django_assert_num_queries):
    with django_assert_num_queries(2):
        scrape()
