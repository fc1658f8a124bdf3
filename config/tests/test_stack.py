"""The whole system as processes: it comes up, mends itself, and leaves nothing behind."""

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

from config.embedded import folders, running
from config.readiness import waiting_workers
from config.stack import Stack, StackDidNotStart
from config.supervisor import GRACE_SECONDS
from tests.processes import descendants, parents, title

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


@pytest.fixture(scope="module")
def stack():
    asked = {"WEB_PROCESSES": "2", "QA_SEED_DEMO": "true", "QA_SYNTHETIC_TICKETS": "20"}
    with Stack("launcher", env=asked) as running_stack:
        yield running_stack
    assert not list(folders.RUN.glob(f"{running_stack.name}*"))


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
        return int(answer.status)


def tree_of(stack: Stack) -> set[int]:
    assert stack.pid is not None
    return descendants(stack.pid)


def processes(stack: Stack, part: str) -> set[int]:
    return {pid for pid in tree_of(stack) if part in title(pid)}


def ports(env: dict[str, str]) -> list[int]:
    urls = (env["DATABASE_URL"], env["REDIS_URL"], env["PROVIDER_BASE_URL"])
    return [int(env["PORT"]), *(urlsplit(url).port or 0 for url in urls)]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition, *, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_everything_answers(stack):
    assert status(f"{stack.base_url}/readyz") == 200
    assert waiting_workers(stack.env["REDIS_URL"]) == 4
    assert [port for port in ports(stack.env) if not is_open(port)] == []
    assert len(processes(stack, "--fd")) == 2


def post(stack, path, body=None, access=""):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {access}"}
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stack.base_url}/api/v1{path}",
        json.dumps(body or {}).encode(),
        headers if access else {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def log_in(stack):
    return post(stack, "/auth/login", {"email": "owner@demo.test", "password": "demo-pass-123"})


def test_it_seeds_itself_when_the_environment_asks_for_it(stack):
    assert log_in(stack)["user"]["role"] == "OWNER"


def test_one_real_call_to_each_target_works_and_meets_what_is_armed(stack):
    access = log_in(stack)["access"]
    for target in ("redis", "postgres", "provider", "latency", "websocket", "queue"):
        outcome = post(stack, f"/dev/chaos/test/{target}", access=access)
        assert (outcome["error"], outcome["affected"]) == (None, False), outcome

    fault = {"target": "websocket", "mode": "mute", "ttlSec": 20}
    post(stack, "/dev/chaos/websocket", fault, access)
    muted = post(stack, "/dev/chaos/test/websocket", access=access)
    assert (muted["active"], muted["affected"]) == (True, True)
    assert "TimeoutError" in muted["error"]


def test_its_database_is_its_own(stack):
    assert stack.env["DATABASE_URL"] != os.environ["DATABASE_URL"]
    assert stack.env["REDIS_URL"] != os.environ["REDIS_URL"]


@pytest.mark.parametrize(
    "part", ["--fd", "messages@", "requeue_stale", "config.simulator", "config beat"]
)
def test_killed_process_comes_back(stack, part):
    before = processes(stack, part)
    victim = min(before)  # of a worker and its children, the worker
    os.kill(victim, signal.SIGKILL)

    def is_back() -> bool:
        now = processes(stack, part)
        return victim not in now and len(now) == len(before) and now != before

    assert eventually(is_back, within_seconds=60)
    assert eventually(lambda: waiting_workers(stack.env["REDIS_URL"]) == 4, within_seconds=60)
    assert status(f"{stack.base_url}/readyz") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_end_leaves_no_process_and_no_port(number):
    stack = Stack(f"ended-by-{number.name.lower()}")
    stack.start()
    tree, env, demo = tree_of(stack), stack.env, stack._process
    assert len(tree) > 20
    assert demo is not None
    demo.send_signal(number)
    code = demo.wait(60)
    assert code == (-number if number == signal.SIGKILL else 0)
    assert eventually(lambda: not tree & parents().keys(), within_seconds=5)
    assert [port for port in ports(env) if is_open(port)] == []
    assert running.read(stack.name) == {}


def test_end_is_heard_by_a_process_that_is_just_coming_back():
    with Stack("ended-while-mending") as stack:
        before = processes(stack, "config beat")
        os.kill(min(before), signal.SIGKILL)
        assert eventually(lambda: processes(stack, "config beat") - before, within_seconds=10)
        asked_at = time.monotonic()
    assert time.monotonic() - asked_at < GRACE_SECONDS


def test_busy_port_is_named_and_nothing_is_started():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(StackDidNotStart, match=f"PORT={port} is in use"):
            Stack("busy", port=port).start()
    assert not (folders.RUN / f"busy-{os.getpid()}").exists()


def test_bad_variable_ends_the_start_with_its_name():
    stack = Stack("broken", env={"WEB_THREADS": "many"})
    with pytest.raises(StackDidNotStart, match="WEB_THREADS='many' is not"):
        stack.start()


def test_process_that_cannot_start_ends_everything_with_its_reason():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        provider = f"http://127.0.0.1:{busy.getsockname()[1]}"
        stack = Stack("stuck", env={"PROVIDER_BASE_URL": provider})
        with pytest.raises(StackDidNotStart, match="provider stopped"):
            stack.start()
    assert "Address already in use" in stack.logs()
