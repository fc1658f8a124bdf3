"""Redis: what a client sees of a fault is what it sees of a server that was really killed."""

import asyncio
import threading
import time

import kombu
import pytest
import redis
import redis.asyncio
from django.core.cache import caches

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.redis import CacheConnection, ChannelsConnection, class_for
from chaos.tests.conftest import armed_names, wait_until

DOWN = ActiveFault("down", "redis", "down")


def fault(mode, **metadata):
    return ActiveFault(f"{mode}-{metadata}", "redis", mode, metadata=metadata)


def seen_by(call):
    """Return the class that `call` raises, or "no error"."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its class is the result
        return type(error)
    return "no error"


@pytest.fixture
def stock_and_faulty(redis_server):
    """Return a function that compares a really killed server with an injected fault."""

    def compare(scene):
        with_fault = scene(redis_server, lambda: kernel.arm([DOWN]))
        kernel.arm([])
        time.sleep(0.1)
        with_death = scene(redis_server, redis_server.stop)
        return with_fault, with_death

    return compare


def sync_client(server):
    pool = redis.ConnectionPool.from_url(server.url, connection_class=CacheConnection)
    return redis.Redis(connection_pool=pool)


def new_connection(server, go_down):
    client = sync_client(server)
    go_down()
    return seen_by(client.ping)


def idle_connection(server, go_down):
    client = sync_client(server)
    client.ping()
    go_down()
    return seen_by(client.ping)


def blocked_read(server, go_down):
    client = sync_client(server)
    client.ping()
    threading.Timer(0.3, go_down).start()
    return seen_by(lambda: client.brpop("nothing-comes", timeout=20))


def pipeline(server, go_down):
    client = sync_client(server)
    client.ping()
    go_down()
    return seen_by(client.pipeline().set("a", 1).get("a").execute)


def async_client(server):
    pool = redis.asyncio.ConnectionPool.from_url(server.url, connection_class=ChannelsConnection)
    return redis.asyncio.Redis(connection_pool=pool)


def async_idle_connection(server, go_down):
    async def use():
        client = async_client(server)
        await client.ping()
        go_down()
        await client.ping()

    return seen_by(lambda: asyncio.run(use()))


def async_new_connection(server, go_down):
    async def use():
        client = async_client(server)
        go_down()
        await client.ping()

    return seen_by(lambda: asyncio.run(use()))


def async_blocked_read(server, go_down):
    async def use():
        client = async_client(server)
        await client.ping()
        threading.Timer(0.3, go_down).start()
        await client.bzpopmin("nothing-comes", timeout=20)

    return seen_by(lambda: asyncio.run(use()))


def async_subscription(server, go_down):
    async def use():
        subscription = async_client(server).pubsub()
        await subscription.subscribe("room")
        await subscription.get_message(timeout=1)
        threading.Timer(0.3, go_down).start()
        await subscription.parse_response(timeout=20)

    return seen_by(lambda: asyncio.run(use()))


def broker(server):
    return kombu.Connection(
        server.url,
        transport="chaos.points.broker:Transport",
        transport_options={"socket_connect_timeout": 0.5, "socket_timeout": 2},
    )


def publish_on_idle_connection(server, go_down):
    with broker(server) as connection:
        producer = connection.Producer()
        producer.publish({"n": 1}, routing_key="jobs", declare=[kombu.Queue("jobs")])
        go_down()
        return seen_by(lambda: producer.publish({"n": 2}, routing_key="jobs"))


def publish_on_new_connection(server, go_down):
    with broker(server) as connection:
        go_down()
        return seen_by(
            lambda: (
                connection.ensure_connection(max_retries=1, interval_start=0)
                and connection.SimpleQueue("jobs").put({"n": 1})
            )
        )


def consume(server, go_down):
    with broker(server) as connection, connection.SimpleQueue("jobs") as queue:
        threading.Timer(0.3, go_down).start()
        return seen_by(lambda: queue.get(timeout=10))


SCENES = [
    new_connection,
    idle_connection,
    blocked_read,
    pipeline,
    async_new_connection,
    async_idle_connection,
    async_blocked_read,
    async_subscription,
    publish_on_new_connection,
    publish_on_idle_connection,
    consume,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_down_looks_like_a_killed_server(scene, stock_and_faulty):
    with_fault, with_death = stock_and_faulty(scene)
    assert with_fault != "no error"
    assert with_fault is with_death


def test_cache_of_django_fails_as_with_a_killed_server(redis_server, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": redis_server.url,
            "OPTIONS": {"CONNECTION_POOL_KWARGS": {"connection_class": CacheConnection}},
        }
    }
    cache = caches["default"]
    cache.set("a", 1)
    kernel.arm([DOWN])
    with_fault = seen_by(lambda: cache.get("a"))
    kernel.arm([])
    assert cache.get("a") == 1
    redis_server.stop()
    assert with_fault is seen_by(lambda: cache.get("a"))


def test_connect_is_refused_in_the_words_of_a_stopped_server(redis_server):
    client = sync_client(redis_server)
    kernel.arm([DOWN])
    with pytest.raises(redis.ConnectionError) as injected:
        client.ping()
    kernel.arm([])
    redis_server.stop()
    with pytest.raises(redis.ConnectionError) as real:
        client.ping()
    assert str(injected.value) == str(real.value)


def test_blocked_reader_is_cut_at_once(redis_server):
    client = sync_client(redis_server)
    client.ping()
    threading.Timer(0.2, kernel.arm, args=[[DOWN]]).start()
    started = time.monotonic()
    assert issubclass(seen_by(lambda: client.brpop("nothing", timeout=20)), redis.ConnectionError)
    assert time.monotonic() - started < 1.5


def test_client_recovers_by_itself_when_the_fault_is_over(redis_server):
    client = sync_client(redis_server)
    client.ping()
    kernel.arm([DOWN])
    assert seen_by(client.ping) is not None
    kernel.arm([])
    assert client.ping()


def test_exempt_call_works_while_redis_is_down(redis_server):
    client = sync_client(redis_server)
    kernel.arm([DOWN])
    with kernel.bypass():
        assert client.ping()


def answers(client):
    try:
        return client.ping()
    except redis.ConnectionError:  # of the server that was stopped
        return False


def test_ttl_ends_a_fault_with_redis_stopped(redis_server, inject, running_control):
    client = sync_client(redis_server)
    inject("redis", "down", ttl_seconds=2)
    wait_until(armed_names, 30)
    deadline = kernel.active()[0].deadline
    redis_server.stop()
    wait_until(lambda: not armed_names(), 30)
    assert time.monotonic() >= deadline - 0.5  # each poll computes it anew, some milliseconds apart
    redis_server.start()
    wait_until(lambda: answers(client), 30)


def test_zero_percent_of_down_cuts_nothing(redis_server):
    client = sync_client(redis_server)
    client.ping()
    kernel.arm([fault("down", percent=0)])
    assert client.ping()


def test_fault_of_another_scope_touches_nothing(redis_server):
    client = sync_client(redis_server)
    client.ping()
    kernel.arm([fault("down", scope="broker")])
    assert client.ping()


@pytest.mark.parametrize(
    ("scope", "url", "name"),
    [
        ("cache", "redis://h/1", "CacheConnection"),
        ("cache", "rediss://h/1", "CacheSSLConnection"),
        ("cache", "unix:///run/redis.sock", "CacheUnixConnection"),
        ("channels", "redis://h/1", "ChannelsConnection"),
        ("channels", "rediss://h/1", "ChannelsSSLConnection"),
    ],
)
def test_class_follows_the_scheme(scope, url, name):
    assert class_for(scope, url).__name__ == name
