"""Restarting the web process and the workers changes no total by more than what was in flight."""

import os
import signal
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.embedded import folders
from config.stack import Stack
from config.supervisor import STARTING_SECONDS
from tests.processes import pids_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
RESTARTED = ("web", "messages", "maintenance")
COUNT = "django_http_requests_latency_seconds_by_view_method_count"


@pytest.fixture(scope="module")
def stack():
    with Stack("restart") as running:
        yield running


def eventually(ask, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.5)
    return found


def counted(stack):
    """Return how often `auth/me` was asked, and when the counters began."""
    page = eventually(lambda: asked(stack, "/metrics"))
    samples = [s for family in text_string_to_metric_families(page.text) for s in family.samples]
    asks = [s.value for s in samples if s.name == COUNT and s.labels["view"] == "api:me"]
    began = [s.value for s in samples if s.name == "slo_counters_began_timestamp_seconds"]
    return sum(asks), began


def asked(stack, path):
    try:
        return httpx.get(f"{stack.base_url}{path}", timeout=30)
    except httpx.HTTPError:
        return None


def ask_often(stack, times):
    """Return how many of the questions were answered, and how many were not."""
    answers = [asked(stack, "/api/v1/auth/me") for _ in range(times)]
    return sum(each is not None for each in answers), sum(each is None for each in answers)


def test_restart_of_web_and_workers_changes_no_total(stack):
    before, began = counted(stack)
    answered, lost = ask_often(stack, 50)
    time.sleep(STARTING_SECONDS)  # who ends sooner is taken for one that cannot start
    first = {process: pids_of(stack, process) for process in RESTARTED}
    for pids in first.values():
        os.kill(pids[-1], signal.SIGTERM)
    during = ask_often(stack, 20)
    eventually(lambda: all(len(pids_of(stack, each)) > len(first[each]) for each in RESTARTED))
    eventually(lambda: asked(stack, "/livez"))
    after = ask_often(stack, 50)
    answered, lost = answered + during[0] + after[0], lost + during[1] + after[1]
    # The dead processes' files are folded away by the new maintenance worker's snapshot.
    files = folders.RUN / stack.name
    eventually(lambda: list(files.rglob("histogram_*archive.db")))
    now, begins = counted(stack)
    assert answered >= 100
    assert answered <= now - before <= answered + lost
    assert begins == began
