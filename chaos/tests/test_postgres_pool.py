"""PostgreSQL behind a pool: slots that are held, and a server that is lost."""

import threading

import pytest
from django.db import OperationalError
from psycopg_pool import PoolTimeout

from chaos import kernel
from chaos.points.postgres import slots
from chaos.tests.conftest import wait_until
from chaos.tests.test_postgres import PATIENCE_SECONDS, arm, ask, causes_of, connect, fault


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker):
    """Allow connections: these tests bring their own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def pooled():
    """A connection out of a pool of three that waits one second for a slot."""
    wrapper = connect(
        pool={"min_size": 1, "max_size": 3, "timeout": 1, "reconnect_timeout": 1, "num_workers": 1}
    )
    wrapper.pool.open(wait=True)
    yield wrapper
    kernel.arm([])
    wrapper.close()
    wait_until(lambda: not slots._held.pools, PATIENCE_SECONDS)
    wrapper.close_pool()


def test_pool_loses_its_server_and_finds_it_again_by_itself(pooled):
    assert ask(pooled) == (1,)
    pooled.close()
    arm("down")
    with kernel.traced() as names:
        assert causes_of(lambda: ask(pooled)) == (OperationalError, PoolTimeout)
    assert names == ["postgres/down"]
    kernel.arm([])
    wait_until(lambda: is_served(pooled), PATIENCE_SECONDS)


def is_served(wrapper):
    try:
        return ask(wrapper) == (1,)
    except OperationalError:
        return False


def test_held_slots_time_out_as_the_pool_says_it(pooled):
    arm("pool")
    with kernel.traced() as names:
        assert causes_of(lambda: ask(pooled)) == (OperationalError, PoolTimeout)
    assert names == ["postgres/pool"]
    kernel.arm([])
    assert ask(pooled) == (1,)


def test_waiting_request_is_served_when_the_slots_are_given_back():
    wrapper = connect(pool={"min_size": 1, "max_size": 1, "timeout": PATIENCE_SECONDS})
    try:
        arm("pool")
        threading.Timer(0.5, kernel.arm, args=[[]]).start()
        assert ask(wrapper) == (1,)
    finally:
        wrapper.close()
        wrapper.close_pool()


def test_pool_has_its_size_back_however_often_it_was_held(pooled):
    pool = pooled.pool
    for _round in range(3):
        arm("pool")
        causes_of(lambda: ask(pooled))
        assert pool.max_size == 1  # it must not grow while it is held
        kernel.arm([])
        wait_until(lambda: not slots._held.pools, PATIENCE_SECONDS)
        assert (pool.min_size, pool.max_size) == (1, 3)
    taken = [pool.getconn(timeout=PATIENCE_SECONDS) for _slot in range(3)]
    for each in taken:
        pool.putconn(each)


def test_slot_in_use_is_taken_when_it_comes_back(pooled):
    in_use = pooled.pool.getconn()
    arm("pool")
    causes_of(lambda: ask(pooled))
    pooled.pool.putconn(in_use)
    assert causes_of(lambda: ask(pooled))[1] is PoolTimeout


def test_spared_and_exempt_calls_go_past_a_dry_pool(pooled):
    arm("pool")
    causes_of(lambda: ask(pooled))
    with kernel.bypass():
        assert ask(pooled) == (1,)
        pooled.close()
    kernel.arm([fault("pool"), fault("down")])
    with kernel.bypass():
        assert ask(pooled) == (1,)
        pooled.close()
    kernel.arm([fault("pool", percent=0)])
    assert ask(pooled) == (1,)


def test_pool_that_is_closed_while_it_is_held_ends_quietly(pooled):
    arm("pool")
    causes_of(lambda: ask(pooled))
    pooled.close_pool()
    wait_until(lambda: not slots._held.pools, PATIENCE_SECONDS)
    assert causes_of(lambda: ask(pooled))[1] is PoolTimeout  # the new pool, held as well
