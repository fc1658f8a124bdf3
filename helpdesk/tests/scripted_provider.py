"""A message provider on a real socket that answers as the test's script says."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

type Step = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class Call:
    key: str
    authorization: str
    traceparent: str
    body: dict[str, Any]


@dataclass
class ScriptedProvider:
    """Plays one step of `script` a call, then accepts everything; `calls` remembers them."""

    script: deque[Step] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def keys(self) -> list[str]:
        return [call.key for call in self.calls]

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                provider.take(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        headers = handler.headers
        self.calls.append(
            Call(
                key=headers["idempotency-key"],
                authorization=headers["authorization"],
                traceparent=headers["traceparent"],
                body=body,
            )
        )
        step = self.script.popleft() if self.script else accept()
        try:
            step(handler)
        except OSError:
            handler.close_connection = True  # the client gave up, as some scripts want


def answer(status: int, body: bytes = b"{}", **headers: str) -> Step:
    """Answer with `status`; underscores in header names stand for hyphens."""

    def step(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


def accept(provider_id: str = "") -> Step:
    identity = provider_id or f"pm_{uuid.uuid4().hex}"
    return answer(202, json.dumps({"id": identity}).encode())


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    """Promise a long body and send a byte now and then."""
    handler.send_response(202)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    _drip(handler)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    """Begin an answer whose headers never end."""
    handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nx-slow: ")
    _drip(handler)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    ends_at = time.monotonic() + 4
    while time.monotonic() < ends_at:
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)
