"""
Plant regressions in a running system, one at a time, and ask the gate about each.

`python -m tests.bench.planted` boots the whole system, seeded, and makes people work in it until it
is warm. Ten clean runs come first, then each regression; between two `/metrics` pages `slo_gate`
judges. It prints a table and with `--write FILE` replaces the one on that page, however it ends.
Exits 1 when the gate kept silent about a regression, named only other objectives, or spoke in a
clean run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from config.embedded import folders
from config.stack import Stack
from tests.bench.planted.traffic import RARE_ROUTE, Habits, Traffic, log_in
from tests.processes import frozen

_SETTLE_SECONDS: Final = 12
_WARM_UPS: Final = 10  # at most; a new system compiles, connects and fills its caches
_ENVIRONMENT: Final = {
    "CHAOS_ENABLED": "true",
    "DJANGO_SETTINGS_MODULE": "tests.bench.planted.settings",
}
_MARK: Final = "<!-- made by: python -m tests.bench.planted -->"


type Row = tuple[Plant, int, list[str]]  # what was planted, the exit code, what was missed


@dataclass(frozen=True, kw_only=True)
class Plant:
    """One regression, how it is brought about, and the objective that must be missed."""

    what: str
    breaks: str = ""
    fault: tuple[str, str, dict[str, Any]] | None = None
    habits: Habits = field(default_factory=Habits)
    stopped: tuple[str, ...] = ()  # processes that are frozen
    seconds: int = 25


# Long and busy enough for a hiccup to be one late job in a hundred, not one in twenty.
CLEAN: Final = Plant(what="nothing", habits=Habits(messages_per_second=2), seconds=45)
WARM_UP: Final = Plant(what="warm-up", habits=CLEAN.habits, seconds=15)
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
        with _planted(stack, plant), Traffic(stack.base_url, plant.habits) as traffic:
            time.sleep(3)  # the socket is open and every route is warm
            before.write_text(_page(stack))
            time.sleep(plant.seconds)
            after.write_text(_page(stack))
        code, report = _gate(stack, before, after)
    if silent := _names(report, "no_data"):
        print(f"no data: {silent}; messages were answered {dict(traffic.answers)}", flush=True)
    time.sleep(_SETTLE_SECONDS)
    return code, _names(report, "missed")


def _names(report: dict[str, Any], state: str) -> list[str]:
    return [each["name"] for each in report["objectives"] if each["state"] == state]


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
    headers = {"Authorization": f"Bearer {log_in(stack.base_url, 'owner')}"}
    chaos = f"{stack.base_url}/api/v1/dev/chaos"
    if plant.fault:
        target, mode, metadata = plant.fault
        body = {"target": target, "mode": mode, "ttlSec": 300, "metadata": metadata}
        httpx.post(f"{chaos}/{target}", json=body, headers=headers).raise_for_status()
        time.sleep(1.5)  # every process knows it within a second
    try:
        with frozen(stack, plant.stopped):
            yield
    finally:
        httpx.delete(chaos, headers=headers, timeout=30).raise_for_status()


def warm_up(stack: Stack) -> None:
    """Let people work until the gate is content, or for as long as a warm-up may take."""
    for _ in range(_WARM_UPS):
        code, missed = judge(stack, WARM_UP)
        print(f"warm-up: exit {code}, missed {missed}", flush=True)
        if code == 0:
            return


def judge_all(stack: Stack, plants: Iterable[Plant], rows: list[Row]) -> None:
    """Judge each of `plants`, adding what was found to `rows`."""
    for plant in plants:
        code, missed = judge(stack, plant)
        rows.append((plant, code, missed))
        print(f"{plant.what}: exit {code}, missed {missed}", flush=True)


def is_right(row: Row) -> bool:
    """Return whether the gate named the regression, or was content where there was none."""
    plant, code, missed = row
    return plant.breaks in missed if plant.breaks else code == 0


def machine() -> str:
    """Return what this is measured on and how busy it is, as a sentence."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"Made on {datetime.now(tz=UTC):%Y-%m-%d} with {os.cpu_count()} processors "
        f"({platform.machine()}, Python {platform.python_version()}); load average at the start, "
        f"over 1, 5 and 15 minutes: {load}."
    )


def told(rows: list[Row], wanted: int, made_on: str) -> str:
    """Return the table, what came of it, and where it was made."""
    clean = [row for row in rows if not row[0].breaks]
    planted = [row for row in rows if row[0].breaks]
    counts = [f"{sum(map(is_right, each))} of {len(each)}" for each in (clean, planted)]
    ended = "" if len(rows) == wanted else f" It ended early, after {len(rows)} of {wanted} runs."
    return (
        f"{table(rows)}\n{counts[0]} clean runs were met, {counts[1]} regressions named.{ended}\n"
        f"{made_on}\n"
    )


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        f"| {plant.what} | {plant.breaks or 'none'} | {code} | {', '.join(missed) or 'none'} |"
        for plant, code, missed in rows
    ]
    head = ["| planted | must be missed | gate | said to be missed |", "| --- " * 4 + "|"]
    return "\n".join([*head, *lines]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=int, default=10, help="clean runs first (default 10)")
    parser.add_argument("--write", metavar="FILE", help="a page whose table is replaced")
    options = parser.parse_args()
    rows: list[Row] = []
    plants, made_on = [*[CLEAN] * options.clean, *PLANTS], machine()
    try:
        with Stack("planted", is_seeded=True, env=_ENVIRONMENT) as stack:
            warm_up(stack)
            judge_all(stack, plants, rows)
    finally:
        text = told(rows, len(plants), made_on)
        print(text)
        if options.write and rows:
            page = Path(options.write)
            page.write_text(f"{page.read_text().split(_MARK)[0]}{_MARK}\n{text}")
    sys.exit(0 if all(map(is_right, rows)) else 1)


if __name__ == "__main__":
    main()
