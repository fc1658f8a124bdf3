"""
How other shells find the demo that runs here.

While it runs, the demo keeps a file of shell assignments. A command that was given neither
`DATABASE_URL` nor `REDIS_URL` takes them from there, so `manage.py slo_gate` beside a running
demo speaks of that demo. Nothing else is guessed: one address given, and the file is not read.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from config.embedded import folders

DEMO: Final = "demo"
# What a command in another shell needs to speak of a stack.
PUBLISHED: Final = (
    "DATABASE_URL",
    "REDIS_URL",
    "PORT",
    "PROMETHEUS_MULTIPROC_DIR",
    "PROVIDER_BASE_URL",
    "PROVIDER_CALLBACK_URL",
)
_OWNER: Final = "DEMO_PID"
_adopted: set[str] = set()


def file_of(name: str) -> Path:
    """Return where the stack called `name` says how it is reached."""
    return folders.RUN / name / "env"


def write(name: str, values: Mapping[str, str]) -> None:
    """Publish `values` whole or not at all; they hold passwords, so for this user alone."""
    target = file_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    lines = {**values, _OWNER: str(os.getpid())}
    draft.write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in lines.items()))
    draft.replace(target)


def remove(name: str) -> None:
    file_of(name).unlink(missing_ok=True)


def read(name: str) -> dict[str, str]:
    """Return what the stack called `name` published, or nothing when it does not run."""
    try:
        tokens = shlex.split(file_of(name).read_text())
    except OSError:
        return {}
    values = dict(token.split("=", 1) for token in tokens)
    return values if _is_alive(values.pop(_OWNER, "0")) else {}


def adopt() -> None:
    """Take the running demo's addresses into the environment, unless one was given."""
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return
    for key, value in read(DEMO).items():
        if key not in os.environ:
            os.environ[key] = value
            _adopted.add(key)


def given_environment() -> dict[str, str]:
    """Return the environment as the user gave it, without what `adopt` put there."""
    return {key: value for key, value in os.environ.items() if key not in _adopted}


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError):
        return False
    return pid != "0"
