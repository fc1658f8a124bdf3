"""The hot path, without a database."""

import asyncio
import random
import threading
import time

import pytest

from chaos import kernel
from chaos.kernel import ActiveFault


def fault(mode="slow", target="latency", *, claim=None, deadline=float("inf"), **metadata):
    identity = f"{target}-{mode}-{random.random()}"
    return ActiveFault(identity, target, mode, deadline, metadata, claim)


def test_nothing_armed_is_one_falsy_read():
    assert not kernel.ARMED
    assert kernel.pick("latency") is None


def test_zero_percent_never_hits():
    kernel.arm([fault(percent=0)])
    assert [kernel.pick("latency") for _ in range(2000)] == [None] * 2000


def test_percent_hits_about_that_share():
    kernel.arm([fault(percent=30)])
    hits = sum(kernel.pick("latency") is not None for _ in range(5000))
    assert 1300 < hits < 1700


def test_first_n_hits_and_then_lets_everything_pass():
    left = iter([True, True, True])
    kernel.arm([fault(claim=lambda: next(left, False), firstN=3)])
    hits = [kernel.pick("latency") is not None for _ in range(6)]
    assert hits == [True, True, True, False, False, False]


def test_unmatched_calls_take_no_claim():
    taken: list[int] = []

    def claim():
        taken.append(1)
        return True

    kernel.arm([fault(claim=claim, method="POST")])
    assert kernel.pick("latency", {"method": "GET"}) is None
    assert taken == []
    assert kernel.pick("latency", {"method": "POST"})
    assert taken == [1]


def test_deadline_ends_a_fault_without_anybody_acting():
    kernel.arm([fault(deadline=time.monotonic() + 0.05)])
    assert kernel.pick("latency")
    time.sleep(0.06)
    assert kernel.pick("latency") is None


def test_snapshot_without_news_is_worth_nothing():
    kernel.arm([fault()], valid_until=time.monotonic() + 0.05)
    assert kernel.pick("latency")
    time.sleep(0.06)
    assert kernel.pick("latency") is None


def test_bypass_exempts_its_context_and_no_other():
    kernel.arm([fault()])
    with kernel.bypass():
        assert kernel.pick("latency") is None
        seen = []
        thread = threading.Thread(target=lambda: seen.append(kernel.pick("latency")))
        thread.start()
        thread.join()
    assert seen[0] is not None
    assert kernel.pick("latency")


@pytest.mark.parametrize(
    ("route", "path", "is_hit"),
    [
        ("/api/v1/tickets", "/api/v1/tickets", True),
        ("/api/v1/tickets", "/api/v1/tickets/7", True),
        ("/api/v1/tickets/", "/api/v1/tickets", True),
        ("/api/v1/tickets", "/api/v1/tickets-of-others", False),
        ("/api/v1/tickets", "/api/v1/auth/login", False),
        ("/api/*/messages", "/api/v1/tickets/7/messages", True),
        ("/", "/anything", True),
        ("api:*", "/api/v1/tickets", True),
        ("api:ticket-list", "/api/v1/tickets", True),
        ("api:login", "/api/v1/tickets", False),
    ],
)
def test_route_is_a_path_and_what_is_below_it_or_a_view(route, path, is_hit):
    kernel.arm([fault(route=route)])
    picked = kernel.pick("latency", {"path": path, "view": "api:ticket-list"})
    assert (picked is not None) == is_hit


def test_scope_hits_only_its_own_connections():
    kernel.arm([fault("down", "redis", scope="cache")])
    assert kernel.pick("redis", {"scope": "cache"})
    assert kernel.pick("redis", {"scope": "broker"}) is None


def test_oldest_fault_that_fits_wins():
    first, second = fault("slow", "redis"), fault("down", "redis")
    kernel.arm([first, second])
    assert kernel.pick("redis") is first
    assert kernel.pick("redis", modes=frozenset({"down"})) is second


def test_hits_are_counted_and_traced():
    counted: list[ActiveFault] = []
    kernel.on_injected.append(counted.append)
    try:
        kernel.arm([fault("429", "provider")])
        with kernel.traced() as names:
            kernel.pick("provider")
            kernel.pick("provider")
    finally:
        kernel.on_injected.remove(counted.append)
    assert names == ["provider/429"]
    assert len(counted) == 2


def test_points_are_told_once_of_each_new_fault():
    told: list[ActiveFault] = []
    listener = told.append
    kernel.on_armed.append(listener)
    try:
        first, second = fault(), fault()
        kernel.arm([first])
        kernel.arm([first, second])
    finally:
        kernel.on_armed.remove(listener)
    assert told == [first, second]


def test_sleeper_wakes_when_its_fault_is_cleared():
    slow = fault()
    kernel.arm([slow])
    threading.Timer(0.1, kernel.arm, args=[[]]).start()
    started = time.monotonic()
    kernel.sleep(slow, 30)
    assert time.monotonic() - started < 1


def test_coroutine_sleeps_no_longer_than_the_deadline():
    slow = fault(deadline=time.monotonic() + 0.1)
    kernel.arm([slow])
    started = time.monotonic()
    asyncio.run(kernel.sleep_async(slow, 30))
    assert 0.05 < time.monotonic() - started < 1


def test_delay_stays_within_its_jitter_and_defaults_to_200_ms():
    assert fault().draw_delay_seconds() == 0.2
    drawn = [fault(delayMs=100, jitterMs=40).draw_delay_seconds() for _ in range(200)]
    assert 0.06 <= min(drawn) < 0.08
    assert 0.12 < max(drawn) <= 0.14
