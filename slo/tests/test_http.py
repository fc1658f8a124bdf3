"""The request metrics: every request once, whatever became of it."""

import pytest
from django.test import AsyncClient, Client
from prometheus_client import REGISTRY

LATENCY = "django_http_requests_latency_seconds_by_view_method"
ANSWERS = "django_http_responses_total_by_status_view_method_total"
TOTALS = (
    "django_http_requests_before_middlewares_total",
    "django_http_responses_before_middlewares_total",
    "django_http_requests_latency_including_middlewares_seconds_count",
    f"{LATENCY}_count",
    ANSWERS,
    "django_http_requests_total_by_method_total",
    "django_http_requests_total_by_view_transport_method_total",
    "django_http_responses_total_by_status_total",
)


@pytest.fixture(autouse=True)
def measured_project(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = "slo.tests.hitting_urls"
    settings.DEBUG = False
    settings.MIDDLEWARE = [
        "slo.instruments.http.BeforeMiddleware",
        "slo.tests.saboteurs.Saboteur",
        "slo.instruments.http.AfterMiddleware",
        "slo.tests.saboteurs.Saboteur",
    ]
    # Error pages of the project are none of this test's business.
    settings.TEMPLATES = []


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def total(name):
    """Return the sum of a metric's series, as a scrape would show them."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    )


def series(name):
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    }


def grown(name, before):
    return {
        labels: value - before.get(labels, 0)
        for labels, value in series(name).items()
        if value != before.get(labels, 0)
    }


def send_a_mixture(client):
    """Send ten requests that end in every way there is; return how many."""
    client.get("/fine")
    client.get("/broken")
    client.get("/denied")
    client.get("/streamed").getvalue()
    client.get("/nowhere")
    client.generic("BREW", "/fine")
    client.post("/fine", data="x", content_type="text/plain", CONTENT_LENGTH="many")
    for wish in ("raise", "answer", "view-answer"):
        client.get("/fine", headers={"X-Sabotage": wish})
    return 10


@pytest.mark.parametrize("name", TOTALS)
def test_count_equals_the_requests_sent(client, name):
    before = total(name)
    sent = send_a_mixture(client)
    assert total(name) - before == sent


def test_unhandled_exception_is_observed_once(client):
    before = series(f"{LATENCY}_count")
    response = client.get("/broken")
    assert response.status_code == 500
    assert grown(f"{LATENCY}_count", before) == {(("method", "GET"), ("view", "hit:broken")): 1}


def test_unhandled_exception_is_counted_by_type_and_view(client):
    kinds = series("django_http_exceptions_total_by_type_total")
    views = series("django_http_exceptions_total_by_view_total")
    client.get("/broken")
    assert grown("django_http_exceptions_total_by_type_total", kinds) == {
        (("type", "RuntimeError"),): 1
    }
    assert grown("django_http_exceptions_total_by_view_total", views) == {
        (("view", "hit:broken"),): 1
    }


def test_made_up_verbs_share_one_series(client):
    before = {name: series(name) for name in TOTALS}
    for number in range(20):
        client.generic(f"VERB{number}", "/fine")
    for name in (f"{LATENCY}_count", ANSWERS, "django_http_requests_total_by_method_total"):
        added = grown(name, before[name])
        assert [dict(labels)["method"] for labels in added] == ["<invalid method>"]
        assert list(added.values()) == [20]


@pytest.mark.parametrize(
    ("wish", "status"), [("raise", "500"), ("answer", "429"), ("view-answer", "503")]
)
def test_what_a_middleware_answers_is_counted_with_status_and_view(client, wish, status):
    before = series(ANSWERS)
    client.get("/fine", headers={"X-Sabotage": wish})
    assert grown(ANSWERS, before) == {
        (("method", "GET"), ("status", status), ("view", "hit:fine")): 1
    }


def test_path_without_a_view_is_counted_as_unnamed(client):
    before = series(ANSWERS)
    client.get("/nowhere")
    assert grown(ANSWERS, before) == {
        (("method", "GET"), ("status", "404"), ("view", "<unnamed view>")): 1
    }


def test_latency_added_by_a_later_middleware_is_in_the_histogram(client):
    name = f"{LATENCY}_sum"
    before = series(name)
    client.get("/fine", headers={"X-Sabotage": "view-slow"})
    assert grown(name, before)[(("method", "GET"), ("view", "hit:fine"))] >= 0.3  # slept twice


def test_bucket_edges_are_those_of_the_settings(client, settings):
    client.get("/fine")
    edges = {dict(labels)["le"] for labels in series(f"{LATENCY}_bucket")}
    assert {float(edge) for edge in edges} == set(settings.PROMETHEUS_LATENCY_BUCKETS)
    assert {"0.12", "0.35"} <= edges


async def test_asynchronous_requests_are_counted_once_too():
    client = AsyncClient(raise_request_exception=False)
    before = series(f"{LATENCY}_count")
    await client.get("/fine")
    await client.get("/broken")
    assert grown(f"{LATENCY}_count", before) == {
        (("method", "GET"), ("view", "hit:broken")): 1,
        (("method", "GET"), ("view", "hit:fine")): 1,
    }
