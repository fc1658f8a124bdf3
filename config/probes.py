"""
What experiments ask of the running desk, over HTTP like any of its users.

Each probe is given the memory of its run and answers a number or a truth; raising is an answer
too. The replies of a run go to one ticket of its own. `docs/reference/experiments.md` lists them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

Memory = dict[str, Any]
_LOGIN: Final = {"email": "agent@demo.test", "password": "demo-pass-123"}
_READERS: Final = 16
_BURST: Final = 2
_SECONDS: Final = 10.0
_ON_THEIR_WAY_SECONDS: Final = 5.0
_CALLS: Final = "helpdesk_provider_request_seconds_count"
_REACHED: Final = {"delivered", "read"}


def _origin() -> str:
    """Return where the desk is, as the provider is told it."""
    callback = urlsplit(settings.HELPDESK["PROVIDER_CALLBACK_URL"])
    return f"{callback.scheme}://{callback.netloc}"


def _desk(memory: Memory) -> httpx.Client:
    """Return a client signed in as the demo's agent; the login is made once a run."""
    if "desk" not in memory:
        base_url = f"{_origin()}/api/v1"
        answer = httpx.post(f"{base_url}/auth/login", json=_LOGIN, timeout=_SECONDS)
        answer.raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        memory["desk"] = httpx.Client(base_url=base_url, headers=headers, timeout=_SECONDS)
    desk: httpx.Client = memory["desk"]
    return desk


def _ticket(memory: Memory) -> int:
    """Return the ticket of this run, opened at its first use, before anything is broken."""
    if "ticket" not in memory:
        contact = {"name": "Experiment", "address": f"{uuid.uuid4()}@experiment.test"}
        body = {"subject": "Experiment", "channel": "web", "contact": contact}
        answer = _desk(memory).post("/tickets", json=body)
        answer.raise_for_status()
        memory["ticket"] = int(answer.json()["id"])
        memory["accepted_at"] = []
        memory["keys_before"] = _keys_at_provider()
    return int(memory["ticket"])


def _keys_at_provider() -> int:
    """Return how many different messages the simulated provider has taken."""
    url = f"{settings.HELPDESK['PROVIDER_BASE_URL']}/messages"
    answer = httpx.get(url, timeout=_SECONDS)
    return len(answer.raise_for_status().json()["calls_by_key"])


def _timed(ask: Callable[[], httpx.Response]) -> float:
    began = time.monotonic()
    ask().raise_for_status()
    return (time.monotonic() - began) * 1000


def list_ms(memory: Memory) -> float:
    """Read the list of tickets once; answer the milliseconds it took."""
    desk = _desk(memory)
    return _timed(lambda: desk.get("/tickets?limit=5"))


def dashboard_ms(memory: Memory) -> float:
    """Read the dashboard, which Redis keeps a copy of; answer the milliseconds it took."""
    desk = _desk(memory)
    return _timed(lambda: desk.get("/dashboard"))


def crowded_list_ms(memory: Memory) -> float:
    """Let sixteen readers ask at once; answer the milliseconds of the slowest."""
    desk = _desk(memory)
    with ThreadPoolExecutor(_READERS) as pool:
        asked = [pool.submit(_timed, lambda: desk.get("/tickets?limit=5")) for _ in range(_READERS)]
        return max(each.result() for each in asked)


def answers_or_says_when(memory: Memory) -> bool:
    """Read the list; 200 is an answer, and so is a 503 that says when to come back."""
    return _is_answer(_desk(memory).get("/tickets?limit=5"))


def _is_answer(answer: httpx.Response) -> bool:
    says_when = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return answer.is_success or (says_when and "retry-after" in answer.headers)


def reply_ms(memory: Memory) -> float:
    """Send a reply; answer the milliseconds until it was accepted with 201."""
    return _timed(lambda: _reply(memory))


def reply_or_says_when(memory: Memory) -> bool:
    """Send a reply; 201 is an answer, and so is a 503 that says when to come back."""
    return _is_answer(_reply(memory))


def _reply(memory: Memory) -> httpx.Response:
    """Send the next reply, under the same key until it is accepted."""
    path = f"/tickets/{_ticket(memory)}/messages"
    number = len(memory["accepted_at"]) + 1
    headers = {"Idempotency-Key": f"experiment-{memory['ticket']}-{number}"}
    answer = _desk(memory).post(path, json={"body": f"nr {number}"}, headers=headers)
    if answer.is_success:
        memory["accepted_at"].append(time.monotonic())
    return answer


def burst_ms(memory: Memory) -> float:
    """Send two replies, one after the other; answer the milliseconds of the slower."""
    return max(reply_ms(memory) for _ in range(_BURST))


def _statuses(memory: Memory) -> list[str]:
    found: list[str] = []
    after = 0
    while True:
        path = f"/tickets/{_ticket(memory)}/messages?limit=100&after={after}"
        page = _desk(memory).get(path).raise_for_status().json()["results"]
        if not page:
            return found
        found += [message["status"] for message in page]
        after = page[-1]["seq"]


def replies_late(memory: Memory) -> int:
    """Answer how many replies that were accepted 5 s ago or longer have not reached anybody."""
    statuses = _statuses(memory)
    due = time.monotonic() - _ON_THEIR_WAY_SECONDS
    old = sum(accepted_at <= due for accepted_at in memory["accepted_at"])
    return sum(status not in _REACHED for status in statuses[:old])


def replies_failed(memory: Memory) -> int:
    """Answer how many replies were given up."""
    return _statuses(memory).count("failed")


def replies_doubled(memory: Memory) -> int:
    """Answer how many more messages the provider took than we sent; others must be silent."""
    _ticket(memory)
    taken = _keys_at_provider() - int(memory["keys_before"])
    return max(0, taken - len(memory["accepted_at"]))


def provider_failures(memory: Memory) -> int:
    """Answer how many calls to the provider have failed since this was asked first."""
    failures = _failed_calls(memory)
    return failures - int(memory.setdefault("failures_before", failures))


def _failed_calls(memory: Memory) -> int:
    """Read the desk's own count of them, off its `/metrics`."""
    page = _desk(memory).get(f"{_origin()}/metrics").raise_for_status().text
    families = text_string_to_metric_families(page)
    return sum(
        int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == _CALLS and sample.labels["outcome"] == "retry"
    )


PROBES: Final[dict[str, Callable[[Memory], float]]] = {
    "list_ms": list_ms,
    "dashboard_ms": dashboard_ms,
    "crowded_list_ms": crowded_list_ms,
    "answers_or_says_when": answers_or_says_when,
    "reply_ms": reply_ms,
    "reply_or_says_when": reply_or_says_when,
    "burst_ms": burst_ms,
    "replies_late": replies_late,
    "replies_failed": replies_failed,
    "replies_doubled": replies_doubled,
    "provider_failures": provider_failures,
}
