"""One server process: tethered, logged to a file, asked before it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from config.embedded.errors import ServiceDidNotStart

_TETHER: Final = Path(__file__).with_name("tether.py")
_POLL_SECONDS: Final = 0.02


def tethered(
    command: Sequence[str], *, user: str | None = None, on_orphan: int = signal.SIGKILL
) -> list[str]:
    """Return `command` wrapped so that it ends with this process (and runs as `user`)."""
    wrapper = [sys.executable, "-I", "-S", str(_TETHER)]
    return [*wrapper, str(os.getpid()), str(int(on_orphan)), user or "-", *command]


class Child:
    """A server started for this process alone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        user: str | None = None,
        on_orphan: int = signal.SIGKILL,
        on_stop: int = signal.SIGTERM,
    ) -> None:
        self.name, self.log, self._on_stop = name, log, on_stop
        with log.open("ab") as output:
            # Its own session: Ctrl-C in a terminal reaches the demo, which stops it in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                tethered(command, user=user, on_orphan=on_orphan),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, is_up: Callable[[], bool], *, timeout_seconds: float) -> None:
        """
        Block until the server answers.

        :raises ServiceDidNotStart: it ended, or said nothing for `timeout_seconds`
        """
        deadline = time.monotonic() + timeout_seconds
        while not is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(grace_seconds=1)
                raise ServiceDidNotStart(self.name, self.log)
            time.sleep(_POLL_SECONDS)

    def stop(self, *, grace_seconds: float = 10) -> None:
        """Ask it to end, wait `grace_seconds`, then kill it; harmless when it is gone."""
        if self._process.poll() is None:
            self._process.send_signal(self._on_stop)
            # A frozen server (a fault being tried) hears nothing until it runs again.
            self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
