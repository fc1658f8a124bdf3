"""Other shells speak to the demo that runs here, and to nothing else."""

import os
import stat
import subprocess
import sys

import pytest

from config.embedded import folders, running

ADDRESSES = {
    "DATABASE_URL": "postgres://postgres:a b'c@127.0.0.1:5555/steadydesk",
    "REDIS_URL": "redis://127.0.0.1:6666",
    "PORT": "8099",
}


@pytest.fixture(autouse=True)
def run_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(folders, "RUN", tmp_path)
    monkeypatch.setattr(running, "_adopted", set())
    for name in ADDRESSES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_published_addresses_are_read_back():
    running.write("demo", ADDRESSES)
    assert running.read("demo") == ADDRESSES


def test_file_is_shell_and_for_its_owner_alone():
    running.write("demo", ADDRESSES)
    path = running.file_of("demo")
    command = f'. {path}; printf %s "$DATABASE_URL"'
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == ADDRESSES["DATABASE_URL"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_demo_that_was_killed_is_not_spoken_of():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    running.write("demo", ADDRESSES)
    path = running.file_of("demo")
    path.write_text(path.read_text().replace(f"DEMO_PID={os.getpid()}", f"DEMO_PID={gone.pid}"))
    assert running.read("demo") == {}


def test_command_without_addresses_adopts_the_demos():
    running.write("demo", ADDRESSES)
    running.adopt()
    assert {name: os.environ[name] for name in ADDRESSES} == ADDRESSES


def test_port_of_ones_own_is_kept(monkeypatch):
    monkeypatch.setenv("PORT", "9000")
    running.write("demo", ADDRESSES)
    running.adopt()
    assert os.environ["PORT"] == "9000"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_one_address_given_and_none_is_adopted(monkeypatch, name):
    monkeypatch.setenv(name, "given://")
    running.write("demo", ADDRESSES)
    running.adopt()
    assert {n: os.environ.get(n) for n in ADDRESSES} == {
        **dict.fromkeys(ADDRESSES),
        name: "given://",
    }


def test_what_was_adopted_is_not_what_the_user_gave():
    running.write("demo", ADDRESSES)
    running.adopt()
    assert running.given_environment().keys().isdisjoint(ADDRESSES)
