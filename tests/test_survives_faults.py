"""The promise above all: what was answered with 201 reaches the provider, once by key."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from config.embedded import binaries, folders
from config.stack import Stack
from tests.desk import open_ticket, signed_in
from tests.processes import descendants, title

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]
MESSAGES = 200


class ForgetfulRedis:
    """A Redis that keeps nothing on disk: a restart loses every queue."""

    def __init__(self) -> None:
        self.port = folders.free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [binaries.redis_program(), "--port", self.port, "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [str(part) for part in [*command, "--save", "", "--appendonly", "no"]],
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def redis():
    server = ForgetfulRedis()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def stack(redis):
    with Stack("faults", is_seeded=True, env={"REDIS_URL": redis.url}) as running:
        yield running


@pytest.fixture(scope="module")
def api(stack):
    with signed_in(stack, "agent@demo.test") as client:
        yield client


def workers_of(queue: str, stack: Stack) -> list[int]:
    """The queue's worker and its children, of this stack alone."""
    assert stack.pid is not None
    return sorted(pid for pid in descendants(stack.pid) if f"{queue}@" in title(pid))


def post(api: httpx.Client, ticket: int, number: int) -> httpx.Response:
    time.sleep(0.05)
    headers = {"idempotency-key": f"faults-{ticket}-{number}"}
    return api.post(f"/tickets/{ticket}/messages", json={"body": f"nr {number}"}, headers=headers)


def statuses(api: httpx.Client, tickets: list[int]) -> list[str]:
    found = []
    for ticket in tickets:
        page = api.get(f"/tickets/{ticket}/messages?limit=100").json()
        assert page["next"] is None
        found += [message["status"] for message in page["results"]]
    return found


def test_every_accepted_message_is_delivered_once_through_lost_redis_and_killed_workers(
    api, stack, redis
):
    tickets = [open_ticket(api) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(post, api, tickets[n % 4], n) for n in range(MESSAGES)]
        time.sleep(1)
        redis.kill()
        time.sleep(2)
        redis.start()
        time.sleep(1)
        victims = workers_of("messages", stack)
        assert len(victims) >= 2
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        answers = [done.result() for done in posts]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == MESSAGES
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        reached = statuses(api, tickets)
        if set(reached) <= {"delivered", "read"}:
            break
        time.sleep(1)
    assert len(reached) == MESSAGES
    assert set(reached) <= {"delivered", "read"}

    provider = httpx.get(f"{stack.env['PROVIDER_BASE_URL']}/messages", timeout=10).json()
    assert len(provider["calls_by_key"]) == MESSAGES  # never a second key for one message
