"""The load scripts against the real system: they speak its API, and it loses nothing."""

from __future__ import annotations

import json

import pytest

from config.stack import Stack
from tests.load_bench import SCRIPTS, run_sh

pytestmark = pytest.mark.stack
SMALL = {"QA_SYNTHETIC_USERS": "8", "QA_SYNTHETIC_TICKETS": "60"}
# How fast a machine answers that runs a test suite besides is no matter of right or wrong.
SPEED = ("http_req_duration", "ws_delivery_ms", "http_reqs", "messages_received")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the three scripts twice, the first time to warm up; return what they wrote."""
    out = tmp_path_factory.mktemp("k6")
    with Stack("k6", is_seeded=True, env=SMALL) as stack:
        run_sh("check", BASE_URL=stack.base_url, RESULTS_DIR=str(out), READY_WITHIN_SECONDS="30")
        done = run_sh("check", BASE_URL=stack.base_url, RESULTS_DIR=str(out))
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
