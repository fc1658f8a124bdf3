"""`GET /slo`: shape, states, and who may read."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from slo import services

pytestmark = [pytest.mark.django_db, pytest.mark.urls("slo.tests.project.urls")]
PROMISED = {
    "name", "description", "target", "threshold_seconds", "window", "good", "total", "ratio",
    "state", "budget_remaining", "burn_rates", "quantile_estimate_seconds", "source",
    "evaluated_at",
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_counts(settings):
    settings.SLO = {}


@pytest.fixture
def client():
    client = APIClient()
    client.force_authenticate(get_user_model()())
    return client


def test_everything_promised_is_there(client, fast, errors, metrics):
    services.take_snapshot(now=timezone.now() - timedelta(hours=2))
    for seconds in (0.2, 0.2, 0.2, 0.5):
        metrics.seconds.labels("api:tickets").observe(seconds)
    document = client.get("/slo").json()
    no_data, missed = document["objectives"]
    assert set(missed) >= PROMISED
    assert missed["name"] == "fast"
    assert (missed["good"], missed["total"], missed["ratio"]) == (3, 4, 0.75)
    assert (missed["state"], missed["window"], missed["target"]) == ("missed", "1h", 0.95)
    assert missed["threshold_seconds"] == 0.35
    assert missed["burn_rates"] == {"5m": 5.0, "1h": 5.0}
    assert missed["quantile_bracket_seconds"] == [0.35, 1.0]
    assert 0.35 < missed["quantile_estimate_seconds"] <= 1
    assert missed["source"] == "registry"
    assert (no_data["state"], no_data["ratio"]) == ("no_data", None)
    assert document["overall"] == {
        "compliant": False, "ratio": 0.0, "kept": 0, "measured": 1, "no_data": ["errors"],
    }  # fmt: skip


def test_overall_of_nothing_measured_is_null(client, fast):
    overall = client.get("/slo").json()["overall"]
    assert (overall["compliant"], overall["ratio"]) == (None, None)


def test_one_objective_by_name(client, fast):
    assert client.get("/slo/fast").json()["name"] == "fast"
    assert client.get("/slo/slow").status_code == 404


def test_disabled_objective_is_not_listed(client, fast):
    fast.is_enabled = False
    fast.save()
    assert client.get("/slo").json()["objectives"] == []
    assert client.get("/slo/fast").status_code == 404


def test_strangers_may_not_read(fast):
    for path in ("/slo", "/slo/fast"):
        assert APIClient().get(path).status_code in {401, 403}


def test_unavailable_source_answers_503(client, fast, settings):
    settings.SLO = {"PROMETHEUS_URL": "http://127.0.0.1:9"}
    assert client.get("/slo").status_code == 503


def test_queries_do_not_grow_with_objectives(client, fast, django_assert_num_queries):
    with django_assert_num_queries(2):
        client.get("/slo")
