"""A real prefork worker: its children hear of faults, and it outlives a lost broker."""

import json
import signal
from typing import Any

import kombu
import pytest
import redis
from celery import Celery
from django.utils import timezone

from chaos import services
from chaos.tests.conftest import ACTOR, other_process, wait_until


@pytest.fixture
def worker(transactional_db, redis_server):
    arguments = ["-m", "celery", "-A", "chaos.tests.worker_app", "worker", "-c", "1", "-l", "ERROR"]
    with other_process(*arguments, TEST_BROKER_URL=redis_server.url) as process:
        yield process


@pytest.fixture
def ask(redis_server):
    """Send a task through an untouched broker connection and return what the child reports."""
    app = Celery("client", broker=redis_server.url, set_as_current=False)
    client = redis.Redis.from_url(redis_server.url, socket_timeout=60)

    def send_and_wait(label, seconds=30):
        app.send_task("report", [label])
        line = client.blpop(["reports"], timeout=seconds)
        assert line, f"no report of {label} within {seconds} s"
        return json.loads(line[1])

    return send_and_wait


def test_worker_hears_of_faults_and_outlives_a_lost_broker(worker, ask, inject, redis_server):
    first = ask("calm")
    assert first["names"] == []
    assert first["ppid"] == worker.pid
    inject("latency", "slow")
    wait_until(lambda: ask("armed")["names"] == ["latency/slow"], 2)

    clients = redis.Redis.from_url(redis_server.url)
    before = blocked_clients(clients)
    assert before
    inject("redis", "down", ttl_seconds=3, scope="broker")
    wait_until(lambda: not before & blocked_clients(clients), 2)
    after = ask("after")
    assert after["pid"] == first["pid"]
    assert blocked_clients(clients) - before

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0


def test_failing_task_killed_worker_and_stalled_queue_are_over_when_the_fault_is(
    worker, ask, inject, redis_server
):
    first = ask("calm", 120)
    inject("queue", "errors", queue="another")
    failing = inject("queue", "errors", queue="celery", firstN=1)
    wait_until(lambda: was_hit(failing, redis_server), 60)
    assert ask("after")["pid"] == first["pid"]

    inject("queue", "kill", firstN=1)
    wait_until(lambda: survives_in(ask) != first["pid"], 60)
    assert worker.poll() is None

    stall = inject("queue", "stall", queue="celery")
    client = redis.Redis.from_url(redis_server.url, socket_timeout=60)
    wait_until(lambda: is_left_alone(client, redis_server), 60)
    assert client.llen("celery") == 1
    services.clear_fault(fault_id=stall.pk, actor=ACTOR, now=timezone.now())
    assert client.blpop(["reports"], timeout=60)


def survives_in(ask):
    """Run one more task; whoever runs it, it is not lost."""
    report = ask("survives", 60)
    assert report["label"] == "survives"
    return report["pid"]


def is_left_alone(client, redis_server):
    """Send one more task, and tell whether nobody takes it."""
    Celery("client", broker=redis_server.url, set_as_current=False).send_task("report", ["late"])
    return client.blpop(["reports"], timeout=5) is None


def was_hit(fault, redis_server):
    """Run one more task, and tell whether one was hit; forget its report."""
    client = redis.Redis.from_url(redis_server.url)
    Celery("client", broker=redis_server.url, set_as_current=False).send_task("report", ["lost?"])
    client.blpop(["reports"], timeout=1)
    fault.refresh_from_db()
    return fault.hits == 1


def blocked_clients(client):
    """Return the ids of connections that wait in BRPOP: the worker's."""
    return {each["id"] for each in client.client_list() if "brpop" in each["cmd"]}


def test_transport_is_redis_for_whoever_asks(redis_server):
    with kombu.Connection(
        redis_server.url, transport="chaos.points.broker:Transport"
    ) as connection:
        assert connection.transport.driver_type == "redis"
        channel: Any = connection.default_channel
        assert channel.client.ping()
