"""
Plant regressions in a running system, one at a time, and ask the gate about each.

`python -m tests.bench.planted` boots the whole system, seeded, and makes people work in it. Ten
clean runs come first, then each regression; between two `/metrics` pages `slo_gate` judges. It
prints a table and with `--write FILE` replaces the one on that page. Exits 1 when the gate kept
silent about a regression, named only other objectives, or spoke in a clean run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from config.embedded import folders
from config.stack import Stack
from tests.bench.planted.traffic import RARE_ROUTE, Habits, Traffic, log_in

_SETTLE_SECONDS: Final = 12
_MARK: Final = "<!-- made by: python -m tests.bench.planted -->"


@dataclass(frozen=True, kw_only=True)
class Plant:
    """One regression, how it is brought about, and the objective that must be missed."""

    what: str
    breaks: str = ""
    fault: tuple[str, str, dict[str, Any]] | None = None
    habits: Habits = field(default_factory=Habits)
    stopped: tuple[str, ...] = ()  # processes that are frozen
    seconds: int = 25


CLEAN: Final = Plant(what="nothing")
PLANTS: Final = (
    Plant(
        what="+400 ms on one route with a tenth of the traffic",
        breaks="api-p95",
        fault=("latency", "slow", {"delayMs": 400, "route": RARE_ROUTE}),
    ),
    Plant(
        what="+200 ms on all routes",
        breaks="api-p50",
        fault=("latency", "slow", {"delayMs": 200}),
    ),
    Plant(
        what="1 % of requests answer 500", breaks="api-errors", habits=Habits(failing_one_in=100)
    ),
    Plant(
        what="a socket that never acknowledges",
        breaks="ws-delivery-p95",
        habits=Habits(is_silent_socket=True),
    ),
    Plant(
        what="a provider that takes 3 s",
        breaks="queue-lag-messages-p95",
        fault=("provider", "slow", {"delayMs": 3000}),
        habits=Habits(messages_per_second=3),
        seconds=40,
    ),
    Plant(what="a stalled job", breaks="stalled-jobs", stopped=("webhooks",), seconds=65),
    Plant(
        what="workers stopped with messages queued",
        breaks="stalled-jobs",
        stopped=("messages", "campaigns"),
        seconds=65,
    ),
)


def judge(stack: Stack, plant: Plant) -> tuple[int, list[str]]:
    """Return the gate's exit code and what it says is missed, with `plant` in the system."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.prom"), Path(folder, "after.prom")
        with _planted(stack, plant), Traffic(stack.base_url, plant.habits):
            time.sleep(3)  # the socket is open and every route is warm
            before.write_text(_page(stack))
            time.sleep(plant.seconds)
            after.write_text(_page(stack))
        code, report = _gate(stack, before, after)
    time.sleep(_SETTLE_SECONDS)
    return code, [each["name"] for each in report["objectives"] if each["state"] == "missed"]


def _page(stack: Stack) -> str:
    return httpx.get(f"{stack.base_url}/metrics", timeout=30).raise_for_status().text


def _gate(stack: Stack, before: Path, after: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "manage.py", "slo_gate", "--format", "json",
         "--before", str(before), "--after", str(after)],
        env={**os.environ, **stack.env}, cwd=folders.REPOSITORY, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if not done.stdout:
        raise SystemExit(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


@contextmanager
def _planted(stack: Stack, plant: Plant) -> Iterator[None]:
    pids = [_pid_of(stack, name) for name in plant.stopped]
    headers = {"Authorization": f"Bearer {log_in(stack.base_url, 'owner')}"}
    chaos = f"{stack.base_url}/api/v1/dev/chaos"
    if plant.fault:
        target, mode, metadata = plant.fault
        body = {"target": target, "mode": mode, "ttlSec": 300, "metadata": metadata}
        httpx.post(f"{chaos}/{target}", json=body, headers=headers).raise_for_status()
        time.sleep(1.5)  # every process knows it within a second
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        httpx.delete(chaos, headers=headers, timeout=30).raise_for_status()


def _pid_of(stack: Stack, process: str) -> int:
    return int(re.findall(rf"{process} started \(pid=(\d+)\)", stack.logs())[-1])


def table(rows: list[tuple[str, str, int, list[str]]]) -> str:
    """Return the rows as Markdown."""
    lines = [
        f"| {what} | {breaks or 'none'} | {code} | {', '.join(missed) or 'none'} |"
        for what, breaks, code, missed in rows
    ]
    head = ["| planted | must be missed | gate | said to be missed |", "| --- " * 4 + "|"]
    return "\n".join([*head, *lines]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=int, default=10, help="clean runs first (default 10)")
    parser.add_argument("--write", metavar="FILE", help="a page whose table is replaced")
    options = parser.parse_args()
    rows = []
    given = {"CHAOS_ENABLED": "true", "DJANGO_SETTINGS_MODULE": "tests.bench.planted.settings"}
    with Stack("planted", is_seeded=True, env=given) as stack:
        judge(stack, Plant(what="warm-up", seconds=5))
        for plant in (*[CLEAN] * options.clean, *PLANTS):
            code, missed = judge(stack, plant)
            rows.append((plant.what, plant.breaks, code, missed))
            print(f"{plant.what}: exit {code}, missed {missed}", flush=True)
    load = os.getloadavg()[1] / (os.cpu_count() or 1)
    text = f"{table(rows)}\nMade with a load of {load:.1f} a processor.\n"
    print(text)
    if options.write:
        page = Path(options.write)
        page.write_text(f"{page.read_text().split(_MARK)[0]}{_MARK}\n{text}")
    right = [breaks in missed if breaks else code == 0 for _what, breaks, code, missed in rows]
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
