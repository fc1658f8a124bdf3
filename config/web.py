"""
The web process type: one listening socket, several Daphne processes that share it.

    python -m config.web

A Daphne process that dies is started again; one that cannot start stops everything, because a
restart would not mend it. SIGTERM and SIGINT stop all of them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Final

from config import env, preparation
from config.embedded.child import tethered

_BACKLOG: Final = 1024
_STARTING_SECONDS: Final = 5
_GRACE_SECONDS: Final = 20
_LOOK_SECONDS: Final = 0.2


def main() -> int:
    """Serve until a signal comes; return the exit code."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if env.QA_SEED_DEMO:  # adds only what is missing
        preparation.seed(os.environ)
    with listen(env.HOST, env.PORT) as listener:
        return Servers(listener, count=env.WEB_PROCESSES).keep_until(stopping)


def listen(host: str, port: int) -> socket.socket:
    """Return the public socket; processes that inherit it share its queue of connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listener.set_inheritable(True)
    return listener


class Servers:
    """The Daphne processes behind one socket."""

    def __init__(self, listener: socket.socket, *, count: int) -> None:
        self._listener = listener
        self._running = [self._start() for _ in range(count)]

    def keep_until(self, stopping: threading.Event) -> int:
        """Replace processes that die until `stopping` is set; return the exit code."""
        code = 0
        while not stopping.wait(_LOOK_SECONDS) and code == 0:
            code = self._replace_dead()
        self._stop()
        return code

    def _start(self) -> tuple[subprocess.Popen[bytes], float]:
        number = self._listener.fileno()
        command = [sys.executable, "-m", "daphne", "-v", "0", "--no-server-name"]
        process = subprocess.Popen(  # noqa: S603 - our own command line
            tethered([*command, "--fd", str(number), "config.asgi:application"]),
            pass_fds=[number],
        )
        return process, time.monotonic()

    def _replace_dead(self) -> int:
        """Return 0, or the exit code of a process that ended while it was starting."""
        for index, (process, started_at) in enumerate(self._running):
            if process.poll() is None:
                continue
            sys.stderr.write(f"web process {process.pid} ended with {process.returncode}\n")
            if process.returncode > 0 and time.monotonic() - started_at < _STARTING_SECONDS:
                return process.returncode
            self._running[index] = self._start()
        return 0

    def _stop(self) -> None:
        """Ask all to end, and kill those that do not within the grace."""
        for process, _ in self._running:
            process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process, _ in self._running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
