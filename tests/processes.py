"""Who runs below whom, as Linux tells it, and what a stack's processes are called."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.stack import Stack


def pids_of(stack: Stack, process: str) -> list[int]:
    """Return the pids that a stack has given to the Procfile's `process`, the newest last."""
    return [int(pid) for pid in re.findall(rf"{process} started \(pid=(\d+)\)", stack.logs())]


@contextmanager
def frozen(stack: Stack, processes: Sequence[str]) -> Iterator[None]:
    """Hold processes with SIGSTOP: a supervisor would start a killed one again."""
    pids = [pids_of(stack, process)[-1] for process in processes]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def parents() -> dict[int, int]:
    """The living processes and their parents; a zombie is not alive."""
    found = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rsplit(")", 1)[1].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(place.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    """Return the process and everything that it started, directly or not."""
    tree, found, fresh = parents(), {pid}, {pid}
    while fresh:
        fresh = {child for child, parent in tree.items() if parent in fresh}
        found |= fresh
    return found


def title(pid: int) -> str:
    """Return its command line, or what it has called itself since."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""
