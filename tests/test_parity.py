"""
Parity: what a client sees of an injected fault is what it sees of a server that is really broken.

Each scene runs twice with the real driver against a private server: once with the fault armed, and
once with the server killed, frozen, damaged or really exhausted. The driver's class must be the
same. `pytest -s` prints the table; `docs/reference/chaos.md` holds it, with what is not in it.
"""

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import connections

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.redis import CacheConnection
from config import readiness
from config.embedded import binaries, folders
from config.embedded.services import Services

pytestmark = pytest.mark.timeout(300)
SOON_SECONDS = 0.5
table: list[tuple[str, str, str]] = []


@pytest.fixture(scope="module")
def servers():
    """Private servers, which a test may break if it repairs them."""
    services = Services(f"parity-{os.getpid()}", is_durable=False, given={})
    services.start()
    yield services
    services.stop()
    for row in sorted(table):
        print("| {} | `{}` | `{}` |".format(*row))  # noqa: T201 - what a reader runs this with -s for


@pytest.fixture(autouse=True)
def calm(django_db_blocker):
    with django_db_blocker.unblock():
        yield
    kernel.arm([])


def arm(target, mode, **metadata):
    kernel.arm([ActiveFault(mode, target, mode, metadata=metadata)])


def seen_by(call):
    """Return the name of the driver's class that `call` raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its class is the result
        cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
        return type(cause).__name__
    return "no error"


def assert_same(scene, injected, real):
    table.append((scene, injected, real))
    assert injected == real != "no error"


# PostgreSQL


def connect(servers, options="", **more):
    """Return Django's connection to the private server, as the product has it."""
    settings = deepcopy(connections["default"].settings_dict)
    url = psycopg.conninfo.conninfo_to_dict(servers.postgres.url)
    settings |= {
        "NAME": url["dbname"],
        "HOST": url["host"],
        "PORT": url["port"],
        "PASSWORD": url["password"],
        "USER": url["user"],
        "OPTIONS": {"connect_timeout": 5, "options": options, **more},
    }
    return type(connections["default"])(settings, alias=f"parity-{time.monotonic_ns()}")


def ask(wrapper, sql="select 1"):
    with wrapper.cursor() as cursor:
        cursor.execute(sql)


def kill_postgres(servers):
    """Kill every process at once, as a machine that dies: nobody says farewell."""
    pid = servers.postgres.pid
    os.kill(pid, signal.SIGSTOP)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (*map(int, children), pid):
        os.kill(each, signal.SIGKILL)
        wait_until_dead(each)


def wait_until_dead(pid):
    """Block until the process has closed its sockets; a zombie has."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.01)


@contextmanager
def broken(servers, is_real):
    """Return a function that takes PostgreSQL down, for real or not; it is up again afterwards."""
    yield (lambda: kill_postgres(servers)) if is_real else (lambda: arm("postgres", "down"))
    kernel.arm([])
    if is_real:
        servers.postgres.stop()
        servers.postgres.start()


def new_connection(servers, go_down):
    go_down()
    return seen_by(lambda: ask(connect(servers)))


def idle_connection(servers, go_down):
    wrapper = connect(servers)
    ask(wrapper)
    go_down()
    return seen_by(lambda: ask(wrapper))


def waiting_statement(servers, go_down):
    wrapper = connect(servers)
    ask(wrapper)
    threading.Timer(SOON_SECONDS, go_down).start()
    return seen_by(lambda: ask(wrapper, "select pg_sleep(60)"))


def connection_of_a_pool(servers, go_down):
    wrapper = connect(servers, pool={"min_size": 1, "max_size": 2, "timeout": 3})
    wrapper.pool.open(wait=True, timeout=60)
    ask(wrapper)
    wrapper.close()
    go_down()
    seen = seen_by(lambda: ask(wrapper))
    wrapper.close_pool()
    return seen


@pytest.mark.parametrize(
    "scene",
    [new_connection, idle_connection, waiting_statement, connection_of_a_pool],
    ids=lambda scene: scene.__name__,
)
def test_postgres_down_is_a_killed_server(servers, scene):
    seen = []
    for is_real in (False, True):
        with broken(servers, is_real) as go_down:
            seen.append(scene(servers, go_down))
    assert_same(f"`postgres/down`, {scene.__name__.replace('_', ' ')} / killed", *seen)


def test_postgres_slow_meets_the_timeout_of_a_slow_statement(servers):
    wrapper = connect(servers, "-c statement_timeout=200")
    real = seen_by(lambda: ask(wrapper, "select pg_sleep(60)"))
    arm("postgres", "slow", delayMs=60_000)
    injected = seen_by(lambda: ask(wrapper))
    assert_same("`postgres/slow` over `statement_timeout` / a slow statement", injected, real)


def test_postgres_500_is_a_disk_that_lost_a_file(servers):
    wrapper = connect(servers)
    ask(wrapper, "create table lost as select 1")
    with wrapper.cursor() as cursor:
        cursor.execute("select current_setting('data_directory'), pg_relation_filepath('lost')")
        folder, name = cursor.fetchone()
    wrapper.close()
    (Path(folder) / name).unlink()
    real = seen_by(lambda: ask(connect(servers), "select * from lost"))
    arm("postgres", "500")
    injected = seen_by(lambda: ask(connect(servers)))
    assert_same("`postgres/500` / a file of the table is gone", injected, real)


def test_postgres_deadlock_is_a_deadlock(servers):
    options = "-c deadlock_timeout=100ms -c statement_timeout=30s"
    one, other = connect(servers, options), connect(servers, options)
    one.inc_thread_sharing()
    lock = "select pg_advisory_xact_lock({})".format
    for wrapper, number in ((one, 1), (other, 2)):
        ask(wrapper, "begin")
        ask(wrapper, lock(number))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(seen_by(lambda: ask(one, lock(2)))))
    thread.start()
    seen.append(seen_by(lambda: ask(other, lock(1))))
    other.close()  # gives its lock back, if it was the other who was told
    thread.join()
    one.close()
    (real,) = set(seen) - {"no error"}
    arm("postgres", "deadlock")
    injected = seen_by(lambda: ask(connect(servers)))
    assert_same("`postgres/deadlock` / two locks, crossed", injected, real)


def test_postgres_readonly_is_a_server_that_takes_no_writes(servers):
    write = "create table written (id int)"
    read_only = connect(servers, "-c default_transaction_read_only=on")
    real = seen_by(lambda: ask(read_only, write))
    arm("postgres", "readonly")
    injected = seen_by(lambda: ask(connect(servers), write))
    assert_same("`postgres/readonly`, a write / a read-only server", injected, real)


def test_postgres_pool_is_a_pool_that_others_hold(servers):
    wrapper = connect(servers, pool={"min_size": 1, "max_size": 1, "timeout": 1})
    wrapper.pool.open()
    held = wrapper.pool.getconn(timeout=30)
    real = seen_by(lambda: ask(wrapper))
    wrapper.pool.putconn(held)
    arm("postgres", "pool")
    injected = seen_by(lambda: ask(wrapper))
    wrapper.close_pool()
    assert_same("`postgres/pool` / every slot in use", injected, real)


# Redis; what is killed is in chaos/tests/test_redis.py


def client_of(servers):
    pool = redis.ConnectionPool.from_url(
        servers.redis.url, connection_class=CacheConnection, socket_timeout=1
    )
    return redis.Redis(connection_pool=pool)


@contextmanager
def frozen(servers):
    """Freeze Redis, and have it running again afterwards."""
    os.kill(servers.redis.pid, signal.SIGSTOP)
    yield
    servers.redis.stop()
    servers.redis.start()


@pytest.mark.parametrize("is_idle", [False, True], ids=["new", "idle"])
def test_redis_slow_is_a_frozen_server(servers, is_idle):
    client, twin = client_of(servers), client_of(servers)
    if is_idle:
        assert client.ping() == twin.ping()
    arm("redis", "slow", delayMs=60_000)
    injected = seen_by(client.ping)
    kernel.arm([])
    with frozen(servers):
        real = seen_by(twin.ping)
    name = "idle" if is_idle else "new"
    assert_same(f"`redis/slow` over the timeout, {name} connection / frozen", injected, real)


def test_redis_errors_are_those_of_a_server_that_loads_its_data(servers, tmp_path):
    client = client_of(servers)
    arm("redis", "errors")
    injected = seen_by(lambda: client.get("a"))
    kernel.arm([])
    with server_of(tmp_path) as filled:
        for number in range(400):
            filled.set(f"key-{number}", os.urandom(1024))
        filled.save()
    slowly = ("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
    with server_of(tmp_path, *slowly) as loading:
        real = seen_by(lambda: loading.get("a"))
    assert_same("`redis/errors` / a server that loads its data", injected, real)


@contextmanager
def server_of(folder, *options):
    """Run a Redis of its own on the data in `folder`, and return a client once it listens."""
    port = folders.free_port()
    command = [binaries.redis_program(), "--port", port, "--dir", folder, "--save", "", *options]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not readiness.listens("127.0.0.1", port) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield redis.Redis(port=port, socket_timeout=10)
    finally:
        process.kill()
        process.wait()
