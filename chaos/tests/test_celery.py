"""A real prefork worker: its children hear of faults, and it outlives a lost broker."""

import json
import signal
from typing import Any

import kombu
import pytest
import redis
from celery import Celery

from chaos.tests.conftest import other_process, wait_until


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
