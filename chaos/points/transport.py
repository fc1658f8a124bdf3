"""
Faults of a provider that is not ours to break: an httpx transport around the client's own.

    httpx.Client(transport=FaultyTransport(httpx.HTTPTransport()))

What the client sees is what `chaos.points.provider` lets a simulated provider do. Wrap one of the
two, never both: each would hit its share. Whatever waits here ends at the client's own read
timeout, and at the deadline of the whole call where the client has one (`seconds_left`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from chaos import control, kernel

_CHUNK_BYTES: Final = 8
_JSON: Final = {"content-type": "application/json"}


def _unlimited() -> float:
    return math.inf


class FaultyTransport(httpx.BaseTransport):
    """Wraps `inner`; `seconds_left` tells how long the call at hand may still take."""

    def __init__(
        self, inner: httpx.BaseTransport, *, seconds_left: Callable[[], float] = _unlimited
    ) -> None:
        self._inner, self._seconds_left = inner, seconds_left

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        control.ensure_running()
        fault = self._pick(request) if kernel.ARMED else None
        if fault is None:
            return self._inner.handle_request(request)
        call = _Call(self._inner, request, fault, self._seconds_left)
        response = _INJECT[fault.mode](call)
        response.headers["x-chaos-fault"] = fault.name
        return response

    def close(self) -> None:
        self._inner.close()

    def _pick(self, request: httpx.Request) -> kernel.ActiveFault | None:
        where = {"method": request.method, "path": request.url.path}
        return kernel.pick("provider", where)


class _Call:
    """One request that a fault hits."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        request: httpx.Request,
        fault: kernel.ActiveFault,
        seconds_left: Callable[[], float],
    ) -> None:
        self._inner, self._request, self._seconds_left = inner, request, seconds_left
        self.fault = fault

    def pass_on(self) -> httpx.Response:
        """Make the real call."""
        return self._inner.handle_request(self._request)

    def wait(self, seconds: float) -> None:
        """
        Hold the call as a silent socket does.

        :raises httpx.ReadTimeout: when the client would not wait that long
        """
        patience = self._request.extensions.get("timeout", {}).get("read")
        limit = min(math.inf if patience is None else patience, self._seconds_left())
        kernel.sleep(self.fault, min(seconds, limit))
        if seconds > limit and kernel.is_armed(self.fault):
            raise httpx.ReadTimeout("The read operation timed out", request=self._request)

    def stay_silent(self) -> httpx.Response:
        """Answer nothing until the client gives up or the fault is over."""
        self.wait(math.inf)
        return httpx.Response(504, headers=_JSON, content=b'{"error": "gateway timeout"}')


class _Drip(httpx.SyncByteStream):
    """The body of a real answer, so slowly that it takes `seconds` in all."""

    def __init__(self, call: _Call, stream: Any, seconds: float) -> None:
        self._call, self._stream, self._seconds = call, stream, seconds

    def __iter__(self) -> Iterator[bytes]:
        body = b"".join(self._stream)
        chunks = [body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES)]
        for chunk in chunks:
            yield chunk
            self._call.wait(self._seconds / len(chunks))

    def close(self) -> None:
        self._stream.close()


def _inject_500(_call: _Call) -> httpx.Response:
    return httpx.Response(500, headers=_JSON, content=b'{"error": "internal error"}')


def _inject_429(call: _Call) -> httpx.Response:
    headers = {**_JSON, "retry-after": str(call.fault.retry_after_seconds)}
    return httpx.Response(429, headers=headers, content=b'{"error": "too many requests"}')


def _inject_malformed(_call: _Call) -> httpx.Response:
    return httpx.Response(202, headers=_JSON, content=b'{"id": "pm_')


def _inject_timeout(call: _Call) -> httpx.Response:
    return call.stay_silent()


def _inject_ambiguous(call: _Call) -> httpx.Response:
    """The provider takes the message, and its answer never arrives."""
    call.pass_on().close()
    return call.stay_silent()


def _inject_slow(call: _Call) -> httpx.Response:
    """Wait once, then let the body drip so slowly that it takes as long again."""
    response, seconds = call.pass_on(), call.fault.draw_delay_seconds()
    try:
        call.wait(seconds)
    except httpx.ReadTimeout:
        response.close()
        raise
    response.stream = _Drip(call, response.stream, seconds)
    return response


_INJECT: Final[dict[str, Callable[[_Call], httpx.Response]]] = {
    "500": _inject_500,
    "429": _inject_429,
    "malformed": _inject_malformed,
    "timeout": _inject_timeout,
    "ambiguous": _inject_ambiguous,
    "slow": _inject_slow,
}
