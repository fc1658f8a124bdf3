"""
Real workers, killed and paused: each recipient one key, never more than rate and burst a second.

200 recipients by default; `CAMPAIGN_TEST_RECIPIENTS=700` runs the long one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from django.conf import settings as django_settings
from django.utils import timezone

from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.services.token_bucket import burst
from helpdesk.tests.campaigns import CampaignFactory, move
from helpdesk.tests.factories import ContactFactory
from helpdesk.tests.scripted_provider import ScriptedProvider, accept, answer, cut_off

pytestmark = [
    pytest.mark.stack,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
RECIPIENTS = int(os.environ.get("CAMPAIGN_TEST_RECIPIENTS", "200"))
RATE = 40
LEASE_SECONDS = 6  # what a killed worker held comes back this soon
FAULTS = 4 if RECIPIENTS <= 200 else 9  # kills and pauses in turn


@dataclass
class CountingProvider(ScriptedProvider):
    """
    Notes when each call came and what its key was accepted; now and then it misbehaves.

    It fails some calls, refuses none for good, and accepts some without an answer, so that
    repeats with the same key happen.
    """

    times: list[float] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    accepted: Counter[str] = field(default_factory=Counter)
    dice: random.Random = field(default_factory=lambda: random.Random(4))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, handler):
        key = handler.headers["idempotency-key"]
        with self.lock:
            self.times.append(time.monotonic())
            self.asked.add(key)
            roll = self.dice.random()
            if roll >= 0.03:
                self.accepted[key] += 1
        handler.rfile.read(int(handler.headers["content-length"]))
        step = answer(503) if roll < 0.03 else cut_off if roll < 0.05 else accept()
        with suppress(OSError):  # the caller may have been killed
            step(handler)

    def most_in_a_second(self) -> int:
        times = sorted(self.times)
        most, first = 0, 0
        for last, at in enumerate(times):
            while times[first] < at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most


@pytest.fixture
def counting():
    provider = CountingProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def environment(counting, tmp_path):
    """The environment of our processes: the test's database and provider, a Redis of their own."""
    database = django_settings.DATABASES["default"]
    at = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
    parts = urlsplit(django_settings.CELERY_BROKER_URL)
    broker = urlunsplit(parts._replace(path="/12"))
    redis.Redis.from_url(broker).flushdb()
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{database['USER']}:{database['PASSWORD']}@{at}",
        "REDIS_URL": broker,
        "PROVIDER_BASE_URL": counting.url,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "CAMPAIGNS_RATE_LIMIT": "500/s",
    }


class Processes:
    """Workers that come back when they are killed, as a supervisor makes them, and the sweeper."""

    def __init__(self, workers: int, environment: dict[str, str]) -> None:
        self._environment = environment
        self._workers = [self._worker(number) for number in range(workers)]
        self._sweeper = self._start(["manage.py", "requeue_stale", "--every", "1"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self._workers, self._sweeper]:
            _kill_group(process)

    def kill_one(self, number: int) -> None:
        """Kill a worker with its children, as a machine that loses power would, and start it."""
        index = number % len(self._workers)
        _kill_group(self._workers[index])
        self._workers[index] = self._worker(index)

    def _worker(self, number: int):
        options = ["-Q", "campaigns", "-c", "1", "-n", f"campaigns{number}@test"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = ["-m", "celery", "-q", "-A", "config", "worker", "--pool", "prefork"]
        return self._start([*command, *options, *quiet])

    def _start(self, arguments: list[str]):
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=django_settings.BASE_DIR,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _kill_group(process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def expire_leases_of_the_dead(campaign) -> None:
    """Let leases end after six seconds and not thirty, to keep the test short."""
    pending = CampaignRecipient.objects.filter(campaign=campaign, status="pending")
    for row in pending.filter(lease_until__isnull=False):
        assert row.lease_until is not None
        claimed_at = row.lease_until.timestamp() - django_settings.HELPDESK["LEASE_SECONDS"]
        if time.time() - claimed_at > LEASE_SECONDS:
            pending.filter(pk=row.pk, lease_until=row.lease_until).update(
                next_attempt_at=timezone.now()
            )


def wait_until(holds, *, seconds: float, campaign) -> bool:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
        expire_leases_of_the_dead(campaign)
        time.sleep(0.1)
    return False


def pause_for_a_while(campaign, counting) -> int:
    """Pause, tell how many calls came later than a second after it, and resume."""
    move(campaign, "pause")
    time.sleep(1)
    before = len(counting.times)
    time.sleep(1)
    late = len(counting.times) - before
    move(campaign, "resume")
    return late


@pytest.mark.parametrize("workers", [1, 3])
def test_each_recipient_has_one_key_and_the_rate_holds_through_pauses_and_kills(
    counting, environment, workers, record_property
):
    for _ in range(RECIPIENTS):
        ContactFactory.create()
    campaign = CampaignFactory.create(rate_per_second=RATE, error_ratio_limit="0.9")
    with ExitStack() as stack:
        processes = stack.enter_context(Processes(workers, environment))
        move(campaign, "start")
        for number in range(FAULTS):
            share = (number + 1) / (FAULTS + 1)
            enough = int(RECIPIENTS * share)
            assert wait_until(
                lambda enough=enough: len(counting.accepted) >= enough,
                seconds=60,
                campaign=campaign,
            ), f"only {len(counting.accepted)} of {RECIPIENTS} after {number} faults"
            if number % 2:
                assert pause_for_a_while(campaign, counting) == 0
            else:
                processes.kill_one(number)
        assert wait_until(
            lambda: Campaign.objects.get().status == "finished", seconds=90, campaign=campaign
        )

    rows = CampaignRecipient.objects.filter(campaign=campaign)
    assert set(rows.values_list("status", flat=True)) == {"sent"}
    assert set(counting.accepted) == {str(key) for key in rows.values_list("key", flat=True)}
    assert len(counting.accepted) == RECIPIENTS
    assert counting.asked == set(counting.accepted)  # not one key more
    record_property("most_in_a_second", counting.most_in_a_second())
    print(  # noqa: T201 - what the report quotes, shown with -s
        f"\n{workers} workers, {RECIPIENTS} recipients: {len(counting.times)} calls,"
        f" {sum(counting.accepted.values()) - RECIPIENTS} repeats with the same key,"
        f" at most {counting.most_in_a_second()} in a second of {RATE} + {burst(RATE)}"
    )
    assert counting.most_in_a_second() <= RATE + burst(RATE)
