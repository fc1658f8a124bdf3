"""People at work: requests on two routes, one conversation, and a socket that listens to it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.bench.planted.failing import HEADER

_PASSWORD: Final = "demo-pass-123"
_PAUSE_SECONDS: Final = 0.05
_ONE_IN: Final = 10  # requests to the rare route
RARE_ROUTE: Final = "api:me"


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What is unusual about this traffic."""

    failing_one_in: int = 0
    is_silent_socket: bool = False  # hears and never acknowledges
    messages_per_second: float = 1.0


class Traffic:
    """Work in three threads for as long as the block lasts."""

    def __init__(self, base_url: str, habits: Habits) -> None:
        self._base_url, self._habits = base_url, habits
        self._done = threading.Event()
        self.answers: Counter[str] = Counter()  # to its messages, by status or kind of failure
        self._client = httpx.Client(base_url=f"{base_url}/api/v1", timeout=30)
        self._client.headers["Authorization"] = f"Bearer {log_in(base_url, 'agent')}"
        newest = self._client.get("/tickets").raise_for_status().json()["results"]
        self._ticket: int = newest[0]["id"]
        works = (self._browse, self._write, self._listen)
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(40)
        self._client.close()

    def _browse(self) -> None:
        number, failing = 0, self._habits.failing_one_in
        while not self._done.is_set():
            number += 1
            is_failing = failing and number % failing == 0
            path = "/auth/me" if number % _ONE_IN == 0 else f"/tickets/{self._ticket}"
            with suppress(httpx.HTTPError):  # people come back after an error
                self._client.get(path, headers={HEADER: "1"} if is_failing else {})
            time.sleep(_PAUSE_SECONDS)

    def _write(self) -> None:
        body = {"body": "It is on its way.", "kind": "outbound"}
        while not self._done.wait(1 / self._habits.messages_per_second):
            try:
                answer = self._client.post(f"/tickets/{self._ticket}/messages", json=body)
                self.answers[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1

    def _listen(self) -> None:
        address = f"{self._base_url.replace('http', 'ws', 1)}/ws/v1/tickets/{self._ticket}"
        ticket = self._client.post("/auth/ws-ticket").raise_for_status().json()["ticket"]
        with connect(f"{address}?ack=1&ticket={ticket}") as socket:
            while not self._done.is_set():
                self._hear(socket)

    def _hear(self, socket: Any) -> None:
        try:
            frame = json.loads(socket.recv(timeout=1))
        except TimeoutError:
            return
        except ConnectionClosed:
            self._done.wait(1)
            return
        if "seq" in frame and frame["type"] != "heartbeat" and not self._habits.is_silent_socket:
            socket.send(json.dumps({"op": "ack", "seq": frame["seq"]}))


def log_in(base_url: str, who: str) -> str:
    """Return an access token of a demo login."""
    credentials = {"email": f"{who}@demo.test", "password": _PASSWORD}
    answer = httpx.post(f"{base_url}/api/v1/auth/login", json=credentials, timeout=30)
    token: str = answer.raise_for_status().json()["access"]
    return token
