"""Is the whole system up? Its web answers, its workers wait for jobs, its provider listens."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

_POLL_SECONDS: Final = 0.1
_ANSWER_SECONDS: Final = 3


class NotReady(Exception):
    """A part of the system did not come up in time; the message names it."""


def wait_until_ready(env: Mapping[str, str], *, worker_count: int, timeout_seconds: float) -> None:
    """
    Block until every part answers.

    :raises NotReady: naming the first part that does not
    """
    deadline = time.monotonic() + timeout_seconds
    port = int(env["PORT"])
    provider = urlsplit(env["PROVIDER_BASE_URL"])
    parts: dict[str, Callable[[], bool]] = {
        f"http://127.0.0.1:{port}/readyz": lambda: answers_ready(port),
        "the Celery workers": lambda: waiting_workers(env["REDIS_URL"]) >= worker_count,
        f"the provider at {provider.netloc}": lambda: listens(
            provider.hostname or "", provider.port or 80
        ),
    }
    for name, is_up in parts.items():
        while not is_up():
            if time.monotonic() > deadline:
                raise NotReady(f"{name}: not ready after {timeout_seconds:.0f} s.")
            time.sleep(_POLL_SECONDS)


def answers_ready(port: int) -> bool:
    """Answer whether `/readyz` says 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def waiting_workers(redis_url: str) -> int:
    """Return how many clients of the broker block on a queue: a worker does once it is ready."""
    from redis import Redis, RedisError  # noqa: PLC0415 - after the web has been started

    try:
        with Redis.from_url(redis_url, socket_timeout=_ANSWER_SECONDS) as connection:
            return sum(client["cmd"] == "brpop" for client in connection.client_list())
    except RedisError:
        return 0


def listens(host: str, port: int) -> bool:
    """Answer whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS).close()
    except OSError:
        return False
    return True
