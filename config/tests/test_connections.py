"""A database that went away and came back, as the pool of a process finds it."""

from contextlib import ExitStack

import psycopg
import pytest
from django.db import connection, connections

from chaos.tests.conftest import database_url_of_this_test

IDLE = 6


@pytest.fixture
def pool(transactional_db):
    """The pool of this process with several idle connections."""
    connection.close()
    found = connection.pool  # type: ignore[attr-defined]  # no stub has it
    found.open()
    with ExitStack() as taken:
        for _ in range(IDLE):
            taken.enter_context(found.connection(timeout=30))
    yield found
    connections.close_all()


def lose_all_connections():
    """Do to them what a server that was restarted does."""
    with psycopg.connect(database_url_of_this_test(), autocommit=True) as killer:
        killer.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_first_call_after_an_outage_is_served_however_many_connections_died(pool):
    size = pool.get_stats()["pool_size"]
    assert size >= IDLE
    lose_all_connections()
    with pool.connection(timeout=12) as lent:  # one death after the other it would take 15 s
        assert lent.execute("select 1").fetchone() == (1,)
    pool.wait(timeout=30)
    assert pool.get_stats()["pool_size"] >= size  # who waits lets it grow
