"""
How long is a fault felt after it was cleared?

`python -m tests.bench.clearing` boots a whole desk, arms every mode of every target over REST,
waits until a real call meets it, clears it, and prints how long it takes until real calls are
whole again: the target's exercise and a list of tickets. Exits 1 when a fault was not met, or is
felt for longer than its limit: a second, or what the recovering program takes by its own clock.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx

from chaos.catalog import CATALOGUE
from config.stack import Stack
from tests.desk import signed_in

LIMIT_SECONDS: Final = 1.0
# A worker that was killed has to be started anew, and takes as long as it takes to start.
OWN_CLOCK_SECONDS: Final = {"queue/kill": 10.0}
PATIENCE_SECONDS: Final = 60.0
CHAOS: Final = "/dev/chaos"


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault was seen to do."""

    name: str
    met: str
    clear_seconds: float
    whole_seconds: float
    tries: int

    @property
    def limit_seconds(self) -> float:
        return OWN_CLOCK_SECONDS.get(self.name, LIMIT_SECONDS)

    @property
    def is_kept(self) -> bool:
        return bool(self.met) and self.whole_seconds <= self.limit_seconds


def exercise(api: httpx.Client, target: str) -> dict[str, Any]:
    answer = api.post(f"{CHAOS}/test/{target}")
    if not answer.is_success:
        return {"affected": True, "error": f"the exercise itself answered {answer.status_code}"}
    outcome: dict[str, Any] = answer.json()
    return outcome


def meet(api: httpx.Client, target: str) -> str:
    """Call until the fault is met; return what was seen, or nothing."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        outcome = exercise(api, target)
        if outcome["affected"]:
            return str(outcome["error"] or f"{outcome['latencyMs']:.0f} ms")
    return ""


def is_whole(api: httpx.Client, target: str) -> bool:
    """Tell whether what users do and what the target does is as if nothing had been."""
    listed = api.get("/tickets?limit=5")
    if not listed.is_success or "x-chaos-fault" in listed.headers:
        return False
    outcome = exercise(api, target)
    return not (outcome["affected"] or outcome["error"])


def crowd(api: httpx.Client) -> None:
    """Ask much at once, so that pools hold several connections: all of them have to recover."""
    with ThreadPoolExecutor(12) as readers:
        list(readers.map(lambda _: api.get("/tickets?limit=5"), range(48)))


def measure(api: httpx.Client, target: str, mode: str) -> Row:
    crowd(api)
    body = {"mode": mode, "ttlSec": 120, "metadata": {"reason": "bench"}}
    fault = api.post(f"{CHAOS}/{target}", json=body).raise_for_status().json()
    met = meet(api, target)
    began = time.monotonic()
    api.delete(f"{CHAOS}/{fault['id']}").raise_for_status()
    cleared = time.monotonic()
    tries = 1
    while not is_whole(api, target) and time.monotonic() < cleared + PATIENCE_SECONDS:
        tries += 1
    return Row(f"{target}/{mode}", met, cleared - began, time.monotonic() - cleared, tries)


def measure_all(api: httpx.Client) -> list[Row]:
    """Break one thing after the other, each on a desk that is whole."""
    return [measure(api, target, mode) for target, modes in CATALOGUE.items() for mode in modes]


def show(rows: list[Row]) -> None:
    """Print the table of `docs/reference/chaos.md`."""
    print("| fault | what a call met | cleared in | whole after | tries | limit |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        met = row.met.split(":", maxsplit=1)[0] or "**nothing**"
        print(
            f"| `{row.name}` | {met} | {row.clear_seconds * 1000:.0f} ms"
            f" | {row.whole_seconds * 1000:.0f} ms | {row.tries} | {row.limit_seconds:g} s |"
        )


def main() -> int:
    """Measure on a desk of its own, and return how the program shall exit."""
    with (
        Stack("bench-clearing", is_seeded=True) as stack,
        signed_in(stack, "owner@demo.test") as api,
    ):
        rows = measure_all(api)
    show(rows)
    return int(not all(row.is_kept for row in rows))


if __name__ == "__main__":
    sys.exit(main())
