"""
Processes forked from one that has loaded everything, as a pre-forking web server does.

Loading Django and its apps costs each process of the system more than a second of CPU; nine of
them on a small machine are most of the time that a start takes. Loaded once and forked, they are
up in a third of it and share the memory (docs/adr/0012 has the figures).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Final, NoReturn

import setproctitle

from config.embedded import tether

# What all of them import anyway; no module here opens a connection or starts a thread.
_COMMON: Final = (
    "config.urls",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.fixups.django",
    "kombu.transport.redis",
)
_MODULES: Final = {"celery", "daphne"}  # commands that are modules of the same name


def load(env: Mapping[str, str]) -> None:
    """Load the settings that `env` decides, every app, and what most processes import."""
    setproctitle.getproctitle()  # finds where titles are written, before the environment moves
    os.environ.update(env)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    _, message = env.get("PYTHONWARNINGS", "ignore:").split(":", 1)
    warnings.filterwarnings("ignore", message)
    from config import env as variables  # noqa: PLC0415 - read before the services ran, so again

    importlib.reload(variables)
    import django  # noqa: PLC0415 - settings first

    django.setup()
    for name in _COMMON:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection in each process would copy every page


def arguments(command: str, env: Mapping[str, str]) -> list[str] | None:
    """Return a Procfile's command as the shell splits it; None when no Python program runs it."""
    shown = subprocess.run(  # noqa: S602 - the shell fills in the variables, as it does elsewhere
        f"printf '%s\\0' {command}", shell=True, env=dict(env), stdout=subprocess.PIPE, check=True
    )
    found = shown.stdout.decode().split("\0")[:-1]
    is_python = found[0] in _MODULES or found[0] == "python"
    return found if is_python else None


class Forked:
    """One command in a copy of this process; the members of `Popen` that honcho uses."""

    def __init__(self, words: list[str]) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        parent_pid = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _become(words, output=writing, parent_pid=parent_pid)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb")

    def wait(self) -> int:
        """Block until it has ended; return its exit code, negative for a signal."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def terminate(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)


def _become(words: list[str], *, output: int, parent_pid: int) -> NoReturn:
    """Run the command and end; nothing of the caller's own stack is unwound."""
    code = 1
    try:
        _leave_parent(output, parent_pid)
        code = _run(words)
    except BaseException:  # noqa: BLE001 - the last frame of this process: say it and end
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as an interpreter's end does
        atexit._run_exitfuncs()  # noqa: SLF001 - likewise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave_parent(output: int, parent_pid: int) -> None:
    """Have a session, an output and signals of its own, and end with the parent."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    prctl = tether.prctl_function()
    if prctl is not None:
        tether.die_with_parent(prctl, parent_pid, signal.SIGKILL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]  # a text stream


def _run(words: list[str]) -> int:
    """Run it as `python -m` or `python FILE` would; return the exit code."""
    setproctitle.setproctitle(shlex.join(words))
    program, *rest = words
    try:
        if program != "python":
            sys.argv = words
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        elif rest[0] == "-m":
            sys.argv = rest[1:]
            runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = rest
            runpy.run_path(rest[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
