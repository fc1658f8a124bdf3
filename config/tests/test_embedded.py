"""Private PostgreSQL and Redis: they serve, they keep their data, and they never outlive us."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import DataFolderBusy, ServiceDidNotStart, ServiceMissing, Services, folders
from config.embedded.child import tethered

OWNER = """
import sys, time
from config.embedded import Services
services = Services(sys.argv[1], given={})
services.start()
print(services.postgres.pid, services.redis.pid, flush=True)
time.sleep(120)
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int], *, within_seconds: float) -> list[int]:
    deadline = time.monotonic() + within_seconds
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.fixture
def name():
    unique = f"embedded-{os.getpid()}"
    yield unique
    shutil.rmtree(folders.run_folder() / unique, ignore_errors=True)


@pytest.fixture
def services(name):
    started = Services(name, given={})
    started.start()
    yield started
    started.stop()


def start_owner(name: str) -> tuple[subprocess.Popen[str], list[int]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, name],
        cwd=folders.REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, [int(pid) for pid in owner.stdout.readline().split()]


def test_both_serve(services):
    with psycopg.connect(services.env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("steadydesk",)
    with redis.Redis.from_url(services.env["REDIS_URL"]) as client:
        assert client.ping() is True


def test_neither_serves_without_the_password(services):
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host="127.0.0.1", port=services.postgres.port, user="postgres")
    with redis.Redis(port=services.redis.port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to become")
def test_root_runs_neither(services):
    for pid in (services.postgres.pid, services.redis.pid):
        owner = pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name
        assert owner in {"postgres", "nobody"}
        assert "Groups:\t \n" in Path(f"/proc/{pid}/status").read_text()


def test_data_survives_a_restart(services, name):
    with psycopg.connect(services.env["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
    with redis.Redis.from_url(services.env["REDIS_URL"]) as client:
        client.set("kept", "1")
    services.stop()
    services.start()
    with psycopg.connect(services.env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with redis.Redis.from_url(services.env["REDIS_URL"]) as client:
        assert client.get("kept") == b"1"


def test_throwaway_data_goes_at_the_end(name):
    services = Services(name, is_durable=False, given={})
    services.start()
    folder = folders.run_folder() / name
    assert folder.exists()
    services.stop()
    assert not folder.exists()


def test_what_is_given_is_not_started(name):
    given = {"DATABASE_URL": "postgres://given", "REDIS_URL": "redis://given"}
    services = Services(name, given=given)
    services.start()
    assert services.env == given
    assert services.folder is None


def test_one_folder_serves_one_owner(services, name):
    with pytest.raises(DataFolderBusy, match="in use by another running demo"):
        Services(name, given={}).start()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends orphans for us")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_owner_takes_both_along(name, number):
    owner, pids = start_owner(name)
    assert [pid for pid in pids if is_running(pid)] == pids
    owner.send_signal(number)
    owner.wait()
    assert wait_until_gone(pids, within_seconds=5) == []


def test_restart_after_a_kill_waits_for_the_old_server_and_loses_nothing(name):
    owner, _ = start_owner(name)
    owner.kill()
    owner.wait()
    services = Services(name, given={})
    services.start()
    try:
        with psycopg.connect(services.env["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        services.stop()


def test_lock_left_behind_does_not_stop_the_start(services):
    """After a reboot its number may belong to another process of the same user."""
    lock = services.folder / f"postgres-{services.postgres._version()}" / "postmaster.pid"
    services.stop()
    other = subprocess.Popen(tethered(["sleep", "60"], user=folders.service_user()))
    lock.write_text(f"{other.pid}\n{lock.parent}\n")
    shutil.chown(lock, folders.service_user() or os.getuid())
    services.start()
    assert is_running(services.postgres.pid)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_failed_start_says_what_the_server_said(services):
    data = services.folder / f"postgres-{services.postgres._version()}"
    services.stop()
    (data / "global" / "pg_control").unlink()
    with pytest.raises(ServiceDidNotStart, match="pg_control"):
        services.start()
    assert services.postgres is None


def test_machine_without_programs_is_told_what_to_do(name, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("config.embedded.binaries._SYSTEM", ())
    with pytest.raises(ServiceMissing) as caught:
        Services(name, given={}).start()
    for advice in ("apt-get install", "brew install", "docker run", "STEADYDESK_EMBEDDED=1"):
        assert advice in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to become")
def test_checkout_that_the_services_may_not_enter_gets_a_folder_outside(monkeypatch, tmp_path):
    closed = tmp_path / "closed" / "checkout"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    monkeypatch.setattr(folders, "REPOSITORY", closed)
    monkeypatch.setattr(folders, "RUN", closed / ".run")
    place = folders.run_folder()
    assert place == folders.outside_folder()
    assert place.is_relative_to("/var/tmp")  # noqa: S108 - the place meant
