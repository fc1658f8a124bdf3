"""PostgreSQL: faults come from the server or its socket, and end without a trace."""

import threading
import time
from copy import deepcopy

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection, connections, transaction
from psycopg import errors

from chaos import catalog, kernel
from chaos.kernel import ActiveFault

# Nothing here is timed from above but by what a hang would take.
PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker):
    """Allow connections: these tests bring their own, on a database that needs no migrations."""
    with django_db_blocker.unblock():
        yield


def fault(mode, **metadata):
    return ActiveFault(f"{mode}-{metadata}", "postgres", mode, metadata=metadata)


def arm(mode, **metadata):
    kernel.arm([fault(mode, **metadata)])


def connect(**options):
    """Return a wrapper of its own, beside the test's database, as another thread would have."""
    settings = deepcopy(connection.settings_dict)
    settings["NAME"] = "postgres"
    settings["OPTIONS"] = {"connect_timeout": 5, **options}
    return type(connections["default"])(settings, alias=f"chaos-{time.monotonic_ns()}")


@pytest.fixture
def faulty():
    """A connection without a pool, on which a table `things` is there."""
    wrapper = connect(options="-c statement_timeout=30000")
    ask(wrapper, "create table things (id int)")
    yield wrapper
    kernel.arm([])
    wrapper.close()
    ask(wrapper, "drop table things")
    wrapper.close()


def ask(wrapper, sql="select 1"):
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


def causes_of(call):
    """Return the classes of what `call` raises, as Django and as psycopg say it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its class is the result
        call()
    return type(caught.value), type(caught.value.__cause__)


@pytest.mark.parametrize(
    ("mode", "django_class", "psycopg_class"),
    [
        ("500", OperationalError, errors.UndefinedFile),
        ("deadlock", OperationalError, errors.DeadlockDetected),
        ("down", OperationalError, psycopg.OperationalError),
    ],
)
def test_statement_fails_as_the_server_says_it(faulty, mode, django_class, psycopg_class):
    ask(faulty)
    arm(mode)
    assert causes_of(lambda: ask(faulty)) == (django_class, psycopg_class)


@pytest.mark.parametrize("mode", catalog.CATALOGUE["postgres"])
def test_zero_percent_touches_no_statement_no_connect_and_no_open_socket(faulty, mode):
    def backend():
        return ask(faulty, "select pg_backend_pid()")

    before = backend()
    with kernel.traced() as names:
        arm(mode, percent=0)
        ask(faulty, "insert into things values (1)")
        assert backend() == before  # nobody cut it: it is the same connection
        faulty.close()
        assert ask(faulty) == (1,)
    assert names == []


def test_error_really_aborts_the_transaction(faulty):
    with transaction_of(faulty):
        arm("500")
        causes_of(lambda: ask(faulty))
        kernel.arm([])
        assert causes_of(lambda: ask(faulty))[1] is errors.InFailedSqlTransaction
    assert ask(faulty) == (1,)


def transaction_of(wrapper):
    """A transaction on this wrapper by psycopg's own means; rolled back."""
    wrapper.ensure_connection()
    return wrapper.connection.transaction(force_rollback=True)


def test_many_rows_at_once_are_a_statement_too(faulty):
    arm("500")
    with faulty.cursor() as cursor, pytest.raises(OperationalError):
        cursor.executemany("insert into things values (%s)", [[1], [2]])
    kernel.arm([])
    with faulty.cursor() as cursor:
        cursor.executemany("insert into things values (%s)", [[1], [2]])
    assert ask(faulty, "select count(*) from things") == (2,)


def test_read_only_server_refuses_writes_and_answers_reads(faulty):
    arm("readonly")
    assert ask(faulty) == (1,)
    refusal = (InternalError, errors.ReadOnlySqlTransaction)
    assert causes_of(lambda: ask(faulty, "insert into things values (1)")) == refusal
    with transaction_of(faulty):
        assert ask(faulty) == (1,)
        assert causes_of(lambda: ask(faulty, "insert into things values (1)")) == refusal
    kernel.arm([])
    ask(faulty, "insert into things values (1)")
    assert ask(faulty, "select count(*) from things") == (1,)


def test_refused_connect_and_recovery(faulty):
    faulty.close()
    arm("down")
    with pytest.raises(OperationalError, match="Connection refused"):
        ask(faulty)
    kernel.arm([])
    assert ask(faulty) == (1,)


def test_waiting_statement_is_cut_at_once(faulty):
    ask(faulty)
    threading.Timer(0.3, arm, args=["down"]).start()
    started = time.monotonic()
    assert causes_of(lambda: ask(faulty, "select pg_sleep(25)"))[0] is OperationalError
    assert time.monotonic() - started < 15


def test_partial_down_cuts_no_idle_socket(faulty):
    ask(faulty)
    arm("down", percent=0)
    assert ask(faulty) == (1,)
    arm("down", route="/elsewhere")
    assert ask(faulty) == (1,)


def test_exempt_call_keeps_its_connection_through_down(faulty):
    faulty.close()
    with kernel.bypass():
        ask(faulty)
        arm("down")
        assert ask(faulty) == (1,)
        faulty.close()
        assert ask(faulty) == (1,)


def test_fault_hits_only_its_route(faulty):
    ask(faulty)
    arm("500", route="/api/tickets", method="GET")
    assert ask(faulty) == (1,)
    with kernel.serving({"path": "/api/tickets/7", "method": "GET"}), kernel.traced() as names:
        assert causes_of(lambda: ask(faulty))[1] is errors.UndefinedFile
    assert names == ["postgres/500"]


def test_slow_statement_sleeps_on_the_server(faulty):
    ask(faulty)
    arm("slow", delayMs=300)
    started = time.monotonic()
    assert ask(faulty) == (1,)
    assert time.monotonic() - started >= 0.3


def test_slow_statement_meets_the_servers_timeout():
    wrapper = connect(options="-c statement_timeout=200")
    try:
        arm("slow", delayMs=20_000)
        assert causes_of(lambda: ask(wrapper)) == (OperationalError, errors.QueryCanceled)
    finally:
        kernel.arm([])
        wrapper.close()


def test_sleeping_statement_wakes_when_its_fault_is_cleared(faulty):
    ask(faulty)
    arm("slow", delayMs=25_000)
    threading.Timer(0.3, kernel.arm, args=[[]]).start()
    started = time.monotonic()
    assert ask(faulty) == (1,)
    assert time.monotonic() - started < 15


def test_more_sleeping_statements_than_allowed_are_let_through(faulty, chaos_settings):
    chaos_settings(MAX_CONCURRENT_SLEEPS=0)
    arm("slow", delayMs=25_000)
    started = time.monotonic()
    assert ask(faulty) == (1,)
    assert time.monotonic() - started < 15


def test_delay_comes_before_the_failure(faulty):
    ask(faulty)
    kernel.arm([fault("deadlock"), fault("slow", delayMs=300)])
    started = time.monotonic()
    assert causes_of(lambda: ask(faulty))[1] is errors.DeadlockDetected
    assert time.monotonic() - started >= 0.3


def test_metrics_of_the_database_count_injected_errors(faulty):
    from django_prometheus.db import errors_total  # noqa: PLC0415 - only where it is installed

    def counted():
        return sum(
            sample.value
            for metric in errors_total.collect()
            for sample in metric.samples
            if sample.labels.get("alias") == faulty.alias and sample.name.endswith("_total")
        )

    arm("deadlock")
    causes_of(lambda: ask(faulty))
    assert counted() == 1


def test_atomic_block_is_rolled_back_whole(faulty):
    """Django's own machinery around a server that reports a deadlock."""
    connections[faulty.alias] = faulty

    def write_half():
        with transaction.atomic(using=faulty.alias):
            ask(faulty, "insert into things values (1)")
            arm("deadlock")
            ask(faulty)

    assert causes_of(write_half) == (OperationalError, errors.DeadlockDetected)
    kernel.arm([])
    assert ask(faulty, "select count(*) from things") == (0,)
    del connections[faulty.alias]
