"""Somebody else's webhook receiver: a real server that keeps raw bodies and answers by script."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from helpdesk.tests.scripted_provider import Step, answer


@dataclass(slots=True)
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Plays one step of `script` a request, then answers 204; `got` remembers the requests."""

    url: str
    script: deque[Step] = field(default_factory=deque)
    got: list[Got] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.got]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"] or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.got.append(Got(path=handler.path, headers=headers, body=body))
        step = self.script.popleft() if self.script else answer(204, b"")
        try:
            step(handler)
        except OSError:
            handler.close_connection = True  # the sender gave up, as some scripts want


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free loopback port inside the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self)

        do_GET = do_POST  # noqa: N815 - its name there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(url=f"http://127.0.0.1:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()
