"""Fixtures: who asks, a control thread of this process, servers that can really be stopped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from chaos import control, kernel, services

ACTOR = services.Actor(name="tester", user_id="7", ip="127.0.0.1")
BASE = "/api/v1/dev/chaos"


@pytest.fixture(autouse=True)
def disarmed():
    """Leave no fault in this process."""
    yield
    control.stop()


@pytest.fixture
def chaos_settings(settings):
    """Return a function that changes keys of `settings.CHAOS` for one test."""

    def change(**values):
        settings.CHAOS = {**getattr(settings, "CHAOS", {}), **values}

    return change


@pytest.fixture
def minimal_urls(settings):
    """Serve `/hello`, the admin and the chaos API, and nothing of the product."""
    settings.ROOT_URLCONF = "chaos.tests.minimal_urls"


@pytest.fixture
def owner(db):
    return get_user_model().objects.create_superuser("owner@chaos.test", password="pass-of-owner-1")


@pytest.fixture
def agent(db):
    return get_user_model().objects.create_user("agent@chaos.test", password="pass-of-agent-1")


@pytest.fixture
def api(owner, minimal_urls):
    client = APIClient()
    client.force_login(owner)
    return client


@pytest.fixture
def inject(transactional_db):
    """Arm a fault through the service, committed, so other processes can see it."""

    def arm(target, mode, ttl_seconds=60, **metadata):
        return services.inject_fault(
            target=target,
            mode=mode,
            ttl_seconds=ttl_seconds,
            metadata=metadata,
            actor=ACTOR,
            now=timezone.now(),
        )

    return arm


@pytest.fixture
def running_control(transactional_db, chaos_settings):
    """Run this process's control thread against the test's database."""
    chaos_settings(CONTROL_IN_TESTS=True)
    control.ensure_running()
    yield control
    control.stop()


def wait_until(is_true, seconds=3.0):
    """Return the seconds it took until `is_true()`; fail after `seconds`."""
    started = time.monotonic()
    while not is_true():
        if time.monotonic() - started > seconds:
            pytest.fail(f"not within {seconds} s")
        time.sleep(0.005)
    return time.monotonic() - started


def armed_names():
    return [fault.name for fault in kernel.active() if kernel.is_armed(fault)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def database_url_of_this_test():
    """Return the URL of the database that this test uses, for other processes."""
    names = connection.settings_dict
    login = names["USER"] + (f":{names['PASSWORD']}" if names["PASSWORD"] else "")
    return f"postgres://{login}@{names['HOST']}:{names['PORT']}/{names['NAME']}"


@contextmanager
def other_process(*arguments, **environment):
    """Run a Python process of the minimal project on this test's database."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "chaos.tests.minimal_settings",
            "DATABASE_URL": database_url_of_this_test(),
            **environment,
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def read_json(process):
    return json.loads(process.stdout.readline())


class Forwarder:
    """A port in front of PostgreSQL that can be shut: connections cut, new ones refused."""

    def __init__(self, host, port):
        self.upstream = (host, port)
        self.port = free_port()
        self.listener = None
        self.sockets = []
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()

    def _accept(self, listener):
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                server = socket.create_connection(self.upstream)
                self.sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=[source, sink], daemon=True).start()

    def _pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._shut(source, sink)

    def shut(self):
        self._shut(self.listener, *self.sockets)
        self.sockets = []

    def _shut(self, *sockets):
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def forwarder(transactional_db, chaos_settings):
    """Put a shuttable port between the control thread and the database."""
    names = connection.settings_dict
    forwarder = Forwarder(names["HOST"], int(names["PORT"]))
    url = database_url_of_this_test().replace(f":{names['PORT']}/", f":{forwarder.port}/")
    chaos_settings(CONTROL_IN_TESTS=True, CONTROL_DATABASE_URL=url)
    yield forwarder
    control.stop()
    forwarder.shut()


class RedisServer:
    """A real Redis of this test's own, which can be stopped and started on the same port."""

    def __init__(self, folder):
        self.binary = shutil.which("redis-server") or shutil.which("valkey-server") or ""
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self.folder}"
        self.process = subprocess.Popen(
            [self.binary, *options.split(), "--save", ""], stdout=subprocess.DEVNULL
        )
        wait_until(self._answers)

    def _answers(self):
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path)
    if not server.binary:
        pytest.skip("no redis-server or valkey-server on PATH to stop")
    server.start()
    yield server
    server.stop()
