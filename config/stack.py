"""
The same system that `make demo` runs, for tests: own ports, own database, gone at the end.

    with Stack("e2e", is_seeded=True) as stack:
        httpx.get(f"{stack.base_url}/readyz")

It runs the demo as a process of its own, so what is tested is what a user starts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from config import preparation
from config.embedded import folders, running
from config.embedded.child import tethered

_START_SECONDS: Final = 240
_STOP_SECONDS: Final = 60
# What the caller's own services and demo are; a stack has its own.
_NOT_INHERITED: Final = {*running.PUBLISHED, "DJANGO_SETTINGS_MODULE", "MAKELEVEL"}


class StackDidNotStart(Exception):
    """The system did not come up; the end of its log is in the message."""


class Stack:
    """One throwaway running system; start it from the main thread, which it never outlives."""

    def __init__(
        self,
        name: str,
        *,
        port: int = 0,
        is_seeded: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = f"{name}-{os.getpid()}"
        self.port = port or folders.free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.env: dict[str, str] = {}
        self.log = folders.RUN / f"{self.name}.log"
        self._is_seeded, self._given = is_seeded, dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def accounts(self) -> Path:
        """Where its seed wrote who may log in."""
        return preparation.accounts_file(folders.RUN / self.name)

    @property
    def ids(self) -> Path:
        """Where its seed wrote which tickets there are to open."""
        return preparation.ids_file(folders.RUN / self.name)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """
        Boot everything and wait until it is ready; `env` then holds its addresses.

        :raises StackDidNotStart: with the end of the log
        """
        inherited = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                tethered(self._command()),
                env={**inherited, **self._given},
                cwd=folders.REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait(self._process)

    def stop(self) -> int:
        """Stop everything as Ctrl-C would; return the exit code. The log stays if it is not 0."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process = None
        if code == 0:
            self.log.unlink(missing_ok=True)
        return code

    def logs(self) -> str:
        """Return everything that its processes have printed so far."""
        return self.log.read_text(errors="replace")

    def _command(self) -> list[str]:
        options = ["--name", self.name, "--port", str(self.port), "--throwaway"]
        seeding = [] if self._is_seeded else ["--no-seed"]
        return [sys.executable, "-m", "config.demo", *options, *seeding]

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not (published := running.read(self.name)):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(self.logs().splitlines()[-40:])  # a clean stop removes the log
                self.stop()
                raise StackDidNotStart(f"The system did not start ({self.log}):\n{tail}")
            time.sleep(0.1)
        self.env = published
