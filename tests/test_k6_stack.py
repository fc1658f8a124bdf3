"""The load scripts against the real system: they speak its API, and it loses nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.stack import Stack
from tests.load_bench import ROOT, SCRIPTS, environment, find_k6, run_sh

pytestmark = pytest.mark.stack
SMALL = {"QA_SYNTHETIC_USERS": "8", "QA_SYNTHETIC_TICKETS": "60"}
# How fast a machine answers that runs a test suite besides is no matter of right or wrong.
SPEED = ("http_req_duration", "ws_delivery_ms", "http_reqs", "messages_received")
# The route that each call of the scripts is answered by.
VIEWS = {
    "session": "api:login", "login": "api:login", "me": "api:me", "logout": "api:logout",
    "list": "api:tickets", "next": "api:tickets", "filter": "api:tickets", "search": "api:tickets",
    "open": "api:tickets", "ticket": "api:ticket", "resolve": "api:ticket-transition",
    "messages": "api:messages", "send": "api:messages", "ws-ticket": "api:ws-ticket",
}  # fmt: skip
COUNT = "django_http_requests_latency_seconds_by_view_method_count"


@pytest.fixture(scope="module")
def stack():
    with Stack("k6", is_seeded=True, env=SMALL) as running:
        yield running


@pytest.fixture(scope="module")
def results(stack, tmp_path_factory):
    """Run the three scripts twice, the first time to warm up; return what they wrote."""
    out = tmp_path_factory.mktemp("k6")
    seeded = {"K6_USERS": str(stack.accounts), "K6_IDS": str(stack.ids)}
    given = {"BASE_URL": stack.base_url, "RESULTS_DIR": str(out), **seeded}
    run_sh("check", READY_WITHIN_SECONDS="30", **given)
    done = run_sh("check", **given)
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    return {script: json.loads((out / f"{script}.json").read_text()) for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS)
def test_real_system_keeps_every_promise_but_perhaps_speed(results, script):
    missed = [row for row in results[script]["thresholds"] if not row["ok"]]
    assert [row for row in missed if not row["metric"].startswith(SPEED)] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_real_system_was_really_used(results, script):
    assert results[script]["metrics"]["checks"]["values"]["passes"] > 0


def test_messages_came_back_over_the_socket(results):
    metrics = results["chat_send"]["metrics"]
    assert metrics["messages_sent"]["values"]["count"] > 0
    assert metrics["ws_delivery_ms"]["values"]["count"] > 0


def sent(path):
    """Return how many requests k6 says it made, by method and route."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in path.read_text().splitlines():
        point = json.loads(line)
        if point["type"] == "Point" and point["metric"] == "http_reqs":
            tags = point["data"]["tags"]
            counts[tags["method"], VIEWS[tags["name"]]] += point["data"]["value"]
    return counts


def counted(stack):
    """Return how many requests the system has counted, by method and route."""
    page = httpx.get(f"{stack.base_url}/metrics", timeout=30).raise_for_status()
    samples = [s for family in text_string_to_metric_families(page.text) for s in family.samples]
    return Counter({
        (s.labels["method"], s.labels["view"]): s.value
        for s in samples
        if s.name == COUNT and s.labels["view"].startswith("api:")
    })  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_system_counts_on_each_route_what_k6_counts(results, stack, script, tmp_path):
    before, points = counted(stack), tmp_path / "points.json"
    subprocess.run(
        [find_k6(), "run", "--quiet", "--out", f"json={points}", f"k6/{script}.js"],
        env=environment(PROFILE="check", BASE_URL=stack.base_url, RESULTS_DIR=str(tmp_path)),
        cwd=ROOT, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    wanted, deadline = sent(points), time.monotonic() + 30
    assert wanted
    while counted(stack) - before != wanted and time.monotonic() < deadline:
        time.sleep(0.5)  # what another process counts is read from its file
    assert counted(stack) - before == wanted
