"""
Keep the processes of the Procfile running, on honcho.

honcho starts each process, prefixes its lines and ends all together. What it lacks is added here:
a process that is killed comes back, the stop is polite (a Celery worker finishes its job: only
the leader of a process group is asked), and nothing outlives the supervisor, however it ends.
On Linux the first life of each process is a fork of the loaded supervisor; a later one starts
afresh, and then runs the code as it is on disk.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from honcho import manager
from honcho.compat import ProcessManager
from honcho.environ import parse_procfile
from honcho.printer import Printer
from honcho.process import Popen, Process

from config import prefork
from config.embedded import tether

GRACE_SECONDS: Final = 35  # more than a Celery job may take (hard limit 20 s) and its shutdown
CAN_FORK: Final = sys.platform == "linux"  # elsewhere a loaded framework may not survive it
STARTING_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.5


class Supervisor(manager.Manager):  # type: ignore[misc]  # honcho has no types
    """The processes of one Procfile, from start to stop."""

    def __init__(self, procfile: Path, *, env: Mapping[str, str], without: set[str]) -> None:
        multiprocessing.set_start_method("fork", force=True)  # its children inherit their tether
        manager.KILL_WAIT = GRACE_SECONDS
        super().__init__(Printer(sys.stdout))
        self._procmgr = _Leaders()
        self._process_ctor = self._restarting
        self._stopping = multiprocessing.Event()
        self._once_started: Callable[[], bool] = lambda: True
        self._is_incomplete = False
        self.worker_count = 0
        tether_children_of(os.getpid())
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            if name not in without:
                self.worker_count += " worker " in command
                self.add_process(name, command, env=dict(env), cwd=str(procfile.parent))
        if CAN_FORK:
            prefork.load(env)

    def run(self, once_started: Callable[[], bool]) -> int:
        """
        Block until a signal, or a process that cannot start, ends everything.

        `once_started` runs beside the processes; when it returns False, all are ended.
        Returns 0 when a signal asked for the end.
        """
        self._once_started = once_started
        self.loop()
        was_asked = self.returncode in {details["rc"] for details in manager.SIGNALS.values()}
        return 0 if was_asked and not self._is_incomplete else 1

    def terminate(self) -> None:
        """Ask every process to end; none comes back, and none stays for longer than the grace."""
        if not self._stopping.is_set():
            self._stopping.set()
            last_resort = threading.Timer(GRACE_SECONDS + 5, self.kill)
            last_resort.daemon = True
            last_resort.start()
        super().terminate()

    def _start(self) -> None:
        super()._start()
        # After the forks: a thread and a fork do not mix.
        threading.Thread(target=self._announce, daemon=True).start()

    def _announce(self) -> None:
        if not self._once_started():
            self._is_incomplete = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _restarting(self, command: str, **options: Any) -> Restarting:
        return Restarting(command, stopping=self._stopping, **options)


class Restarting(Process):  # type: ignore[misc]  # honcho has no types
    """A process that comes back when it ends, until the supervisor stops."""

    def __init__(self, command: str, *, stopping: Event, **options: Any) -> None:
        super().__init__(command, **options)
        self._stopping = stopping

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's signature
        """Run the command again and again; give up on one that cannot start."""
        self._events = events
        if ignore_signals:
            # Heard and not heeded: a signal that is ignored stays ignored in what is executed,
            # which would be deaf to an end that comes while it is still starting.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: None)
        code = self._live(self._first_life() or self._next_life())
        while not self._stopping.is_set() and code is not None:
            time.sleep(_PAUSE_SECONDS)
            code = self._live(self._next_life())
        self._send_message({"returncode": self._child.returncode}, type="stop")

    def _first_life(self) -> prefork.Forked | None:
        """Fork it, while this process has no thread; None for what is no program of ours."""
        words = prefork.arguments(self.cmd, self.env) if CAN_FORK else None
        return prefork.Forked(words) if words else None

    def _next_life(self) -> Popen:
        return Popen(_tied(self.cmd), env=self.env, cwd=self.cwd)

    def _live(self, child: prefork.Forked | Popen) -> int | None:
        """Return the exit code, or None when another try would end the same way."""
        started_at, self._child = time.monotonic(), child
        self._send_message({"pid": self._child.pid}, type="start")
        if self._stopping.is_set():  # asked while it was between two lives
            self._child.terminate()
        for line in iter(self._child.stdout.readline, b""):
            self._send_message(line)
        self._child.stdout.close()
        code = int(self._child.wait())
        is_hopeless = code >= 0 and time.monotonic() - started_at < STARTING_SECONDS
        return None if is_hopeless else code


class _Leaders(ProcessManager):  # type: ignore[misc]  # honcho has no types
    """Ask the leader of a group alone: a Celery worker's children end when it says so."""

    def terminate(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def tether_children_of(pid: int) -> None:
    """Make every process that `pid` forks from now on end with it (Linux)."""
    prctl = tether.prctl_function()
    if prctl is None:
        return

    def tie() -> None:
        if os.getppid() == pid:
            tether.die_with_parent(prctl, pid, signal.SIGKILL)

    os.register_at_fork(after_in_child=tie)


def _tied(command: str) -> str:
    """Return the shell command that becomes `command`, tethered to whoever runs the shell."""
    return (
        f"exec '{sys.executable}' -I -S '{tether.__file__}' $PPID {int(signal.SIGKILL)} - {command}"
    )
