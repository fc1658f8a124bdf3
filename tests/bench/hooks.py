"""
What does a hook of chaos cost while nothing is armed?

`python -m tests.bench.hooks` times the question that each point asks before it does anything, and
the layers that sit on the way of statements and requests, against the same call without chaos.
The fastest of many rounds count: what else the machine does is no cost of ours. Exits 1 when one
costs more than a microsecond.
"""

from __future__ import annotations

import os
import sys
import timeit
from collections.abc import Callable
from typing import Any, Final

from config.embedded import Services

LIMIT_NS: Final = 1_000.0
ROUNDS, CALLS = 50, 2_000


class _Driver:
    """Stands for a driver's cursor or task: the layer above it is what is measured."""

    def execute(self, query: str, *_args: Any) -> str:
        return query

    def __call__(self, value: str) -> str:
        return value

    def send_packed_command(self, command: str, check_health: bool = True) -> str:  # noqa: FBT001, FBT002 - redis-py's
        return command


def nanoseconds(call: Callable[[], object]) -> float:
    """Return what one call takes in the fastest round."""
    return min(timeit.repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS * 1e9


def layers() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return, by the hook's name, the call with it and the same call without it."""
    from chaos import control, kernel  # noqa: PLC0415 - needs settings, as all of chaos below
    from chaos.points import queue, redis  # noqa: PLC0415
    from chaos.points.postgres import statements  # noqa: PLC0415

    class Connection(redis._FaultySync, _Driver):  # type: ignore[misc]
        chaos_scope = "cache"

    class Task(queue.TaskFaults, _Driver):
        pass

    cursor, plain = statements.faulty(_Driver)(), _Driver()
    connection, task = Connection(), Task()
    return {
        "question of a point": (lambda: kernel.ARMED and kernel.pick("latency"), lambda: None),
        "control thread runs?": (control.ensure_running, lambda: None),
        "PostgreSQL statement": (lambda: cursor.execute("q"), lambda: plain.execute("q")),
        "Redis command": (
            lambda: connection.send_packed_command("q"),
            lambda: plain.send_packed_command("q"),
        ),
        "Celery task": (lambda: task("q"), lambda: plain("q")),
    }


def main() -> int:
    """Print a row a hook, and return how the program shall exit."""
    import django  # noqa: PLC0415 - settings first

    django.setup()
    from chaos import control  # noqa: PLC0415

    control.ensure_running()
    costs = {
        name: nanoseconds(hooked) - nanoseconds(plain) for name, (hooked, plain) in layers().items()
    }
    for name, cost in costs.items():
        print(f"{name:24} {cost:7.0f} ns disarmed (limit {LIMIT_NS:.0f})")
    return int(max(costs.values()) > LIMIT_NS)


if __name__ == "__main__":
    services = Services("bench-hooks", is_durable=False)
    services.start()
    os.environ.update(services.env)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        sys.exit(main())
    finally:
        services.stop()
