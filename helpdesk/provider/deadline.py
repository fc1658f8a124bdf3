"""
A deadline for a whole HTTP call.

The read timeout of HTTP libraries starts anew at every byte that arrives, so an answer whose
headers or body drip would hold a worker for as long as the other side likes. Here every wait on
the socket ends at the call's deadline at the latest.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpcore
import httpx

_ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End every wait on a socket that begins inside the block after `seconds` in all."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float:
    """Return how long the block of `within` may still take; infinite outside one."""
    return max(_ends_at.get() - time.monotonic(), 0.0)


def _left(timeout: float | None, expired: type[Exception]) -> float:
    left = seconds_left()
    if left <= 0:
        raise expired("The call's deadline has passed.")
    return min(left, float("inf") if timeout is None else timeout)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class DeadlineBackend(httpcore.SyncBackend):
    """Opens sockets that know `within`'s deadline."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class DeadlineTransport(httpx.HTTPTransport):
    """HTTPX's transport over sockets that know `within`'s deadline."""

    def __init__(
        self, *, max_connections: int, network_backend: DeadlineBackend | None = None
    ) -> None:
        super().__init__(verify=_trusted())
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(),
            max_connections=max_connections,
            network_backend=network_backend or DeadlineBackend(),
        )


@cache
def _trusted() -> ssl.SSLContext:
    """Return the context that every client shares: reading the authorities takes a while."""
    return httpx.create_ssl_context()
