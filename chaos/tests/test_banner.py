"""The banner: what holds, for how long, on whatever page."""

import time

import pytest

from chaos import banner, kernel
from chaos.kernel import ActiveFault

pytestmark = pytest.mark.usefixtures("minimal_urls")


def arm(*faults):
    now = time.monotonic()
    kernel.arm(
        [ActiveFault(f"{target}{left}", target, mode, now + left) for target, mode, left in faults]
    )


def test_nothing_is_shown_while_nothing_holds(client):
    assert client.get("/chaos/banner").json() == {"faults": []}
    assert " hidden>" in banner.render()


def test_faults_are_told_with_their_time_left_and_the_expired_are_not(client):
    arm(("redis", "down", 300), ("latency", "slow", 40), ("provider", "429", -1))
    answer = client.get("/chaos/banner")
    names = [fault["name"] for fault in answer.json()["faults"]]
    assert names == ["latency/slow", "redis/down"]
    assert answer.json()["faults"][0]["secondsLeft"] in range(1, 41)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Chaos-Fault" not in answer.headers
    shown = banner.render()
    assert "redis/down" in shown
    assert " hidden>" not in shown


def test_script_knows_where_to_ask():
    assert "banner.js?url=/chaos/banner" in banner.script()


def test_production_has_no_banner(client, chaos_settings):
    chaos_settings(ENVIRONMENT="production")
    assert client.get("/chaos/banner").status_code == 404
