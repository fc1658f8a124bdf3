"""Redis: single commands that wait, fail or miss."""

import asyncio
import threading
import time

import redis

from chaos import kernel
from chaos.tests.test_redis import DOWN, async_client, fault, seen_by, sync_client


def test_slow_delays_each_command(redis_server):
    client = sync_client(redis_server)
    client.ping()
    kernel.arm([fault("slow", delayMs=120)])
    started = time.monotonic()
    client.ping()
    assert 0.12 <= time.monotonic() - started < 1


def test_delay_comes_before_the_failure_whichever_was_armed_first(redis_server):
    client = sync_client(redis_server)
    client.ping()
    for faults in ([fault("slow", delayMs=120), DOWN], [DOWN, fault("slow", delayMs=120)]):
        kernel.arm([])
        client.ping()
        kernel.arm([fault("slow", delayMs=120), fault("errors")])
        started = time.monotonic()
        assert seen_by(client.ping) is redis.exceptions.BusyLoadingError
        assert time.monotonic() - started >= 0.12
        kernel.arm(faults)
        assert seen_by(client.ping) is redis.ConnectionError


def test_more_slow_commands_than_allowed_are_let_through(redis_server, chaos_settings):
    chaos_settings(MAX_CONCURRENT_SLEEPS=1)
    clients = [sync_client(redis_server) for _number in range(4)]
    for client in clients:
        client.ping()
    kernel.arm([fault("slow", delayMs=1500)])
    waited = []

    def ask(client):
        started = time.monotonic()
        client.ping()
        waited.append(time.monotonic() - started >= 1.5)

    threads = [threading.Thread(target=ask, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(waited) == 1


def test_slow_does_not_hold_the_event_loop(redis_server):
    async def use():
        clients = [async_client(redis_server) for _number in range(5)]
        await asyncio.gather(*[client.ping() for client in clients])
        kernel.arm([fault("slow", delayMs=300)])
        started = time.monotonic()
        await asyncio.gather(*[client.ping() for client in clients])
        return time.monotonic() - started

    assert 0.3 <= asyncio.run(use()) < 1


def test_errors_are_the_servers_own(redis_server):
    client = sync_client(redis_server)
    client.set("a", 1)
    kernel.arm([fault("errors")])
    assert seen_by(lambda: client.get("a")) is redis.exceptions.BusyLoadingError
    kernel.arm([])
    assert client.get("a") == b"1"


def test_miss_answers_nil_and_keeps_the_value(redis_server):
    client = sync_client(redis_server)
    client.set("a", 1)
    kernel.arm([fault("miss")])
    assert client.get("a") is None
    assert client.mget("a", "a") == [None, None]
    assert client.set("b", 2)
    kernel.arm([])
    assert (client.get("a"), client.get("b")) == (b"1", b"2")
