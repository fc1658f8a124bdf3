"""
What does it cost to judge seven objectives over 28 days, and what does a scrape cost?

`python -m tests.bench.objectives` fills a throwaway PostgreSQL with the four thousand snapshots
that 28 days leave behind, judges all objectives over all of it, and renders the page of `/metrics`
from the files of many processes, as a web process does. Each call is timed; the fastest tenth is
held against a limit, because what else the machine does is no cost of ours. Exits 1 over a limit.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from config.embedded import Services
from config.stack import Stack

MAX_EVALUATION_MS: Final = 50.0
MAX_SCRAPE_MS: Final = 50.0
QUERIES: Final = 2
_ROUNDS: Final = 40
_DAY_SECONDS: Final = 86_400


def fill(objectives: list[Any], now: datetime) -> int:
    """Store 28 days of snapshots as retention leaves them; return how many."""
    from django.db import connection  # noqa: PLC0415 - needs settings, as all of Django below

    from slo import retention  # noqa: PLC0415
    from slo.models import Snapshot  # noqa: PLC0415

    rows, at = [], now - retention.KEPT
    while at < now:
        rows.append(Snapshot(taken_at=at, boot="1.000000", counts=counts(objectives, at)))
        age = now - at
        at += max(timedelta(seconds=10), retention.gap_at(age))
    Snapshot.objects.bulk_create(rows, batch_size=500)
    with connection.cursor() as cursor:  # as autovacuum does long before 28 days are over
        cursor.execute("ANALYZE slo_snapshot")
    return len(rows)


def counts(objectives: list[Any], at: datetime) -> dict[str, dict[str, int]]:
    """Return what each selection had counted at that moment: a hundred events a second."""
    from django.conf import settings  # noqa: PLC0415

    total = round(at.timestamp() * 100)
    edges = settings.PROMETHEUS_LATENCY_BUCKETS[:-1]
    histogram = {str(edge): total * place // 17 for place, edge in enumerate(edges, 1)}
    return {
        each.selection.key: {"total": total, "bad": total // 1000}
        if each.selection.bad_match
        else {**histogram, "+Inf": total}
        for each in objectives
    }


def time_ms(call: Callable[[], object]) -> float:
    """Return the milliseconds that a tenth of the calls keep."""
    call()
    taken = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(taken, n=10)[0]


def judge_four_weeks() -> tuple[float, int]:
    """Return the milliseconds and the number of queries of one evaluation of all objectives."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from slo import selectors  # noqa: PLC0415
    from slo.models import Objective  # noqa: PLC0415
    from slo.readings import Reading  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    Objective.objects.update(window_seconds=28 * _DAY_SECONDS)
    now, stored = datetime.now(tz=UTC), selectors.list_enabled()
    print(f"{fill(stored, now)} snapshots, {len(stored)} objectives over 28 days")
    present = Reading(taken_at=now, boot="1.000000", counts=counts(stored, now))

    def evaluate() -> None:
        objectives = selectors.list_enabled()
        selectors.evaluate_with(selectors.history(objectives, present), objectives, now=now)

    with CaptureQueriesContext(connection) as captured:
        evaluate()
    return time_ms(evaluate), len(captured)


def evaluation() -> tuple[float, int]:
    """Measure in this process, on services of its own."""
    services = Services("bench-objectives", is_durable=False, given={})
    services.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ.update(services.env, PROMETHEUS_MULTIPROC_DIR=folder)
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
            os.environ.setdefault("CHAOS_ENABLED", "false")
            import django  # noqa: PLC0415

            django.setup()
            return judge_four_weeks()
    finally:
        services.stop()


def scrape() -> float:
    """Measure the page of a seeded system that runs, over a connection that stays open."""
    import httpx  # noqa: PLC0415

    with Stack("bench-scrape", is_seeded=True) as stack, httpx.Client() as client:
        time.sleep(15)  # the canaries of every queue and a snapshot have come by
        return time_ms(lambda: client.get(f"{stack.base_url}/metrics").raise_for_status())


def main() -> None:
    """Print both figures against their limits."""
    scraped_ms = scrape()
    evaluated_ms, queries = evaluation()
    figures = (
        ("evaluation over 28 days, ms", evaluated_ms, MAX_EVALUATION_MS),
        ("queries of an evaluation", queries, QUERIES),
        ("scrape of /metrics, ms", scraped_ms, MAX_SCRAPE_MS),
    )
    for name, value, limit in figures:
        print(f"{name:<28}{value:>7.1f} (limit {limit:g}){'' if value <= limit else ' OVER'}")
    sys.exit(0 if all(value <= limit for _name, value, limit in figures) else 1)


if __name__ == "__main__":
    main()
