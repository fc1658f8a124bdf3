"""Where SLIs are read from and which histograms carry which bucket edges."""

from __future__ import annotations

from typing import Any

from config import env

# Every threshold that an objective promises is an edge: a verdict is counted, never interpolated.
PROMETHEUS_LATENCY_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.12, 0.2, 0.25, 0.35, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0,
    float("inf"),
)  # fmt: skip
_QUEUE_LAG_BUCKETS = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
PROMETHEUS_EXPORT_MIGRATIONS = False

SLO: dict[str, Any] = {
    "PROMETHEUS_URL": env.PROMETHEUS_URL,
    "METRICS_TOKEN": env.METRICS_TOKEN,
    "METRICS_URL": f"http://127.0.0.1:{env.PORT}/metrics",
    # prometheus_client reads the same variable when it is imported.
    "MULTIPROC_DIR": env.PROMETHEUS_MULTIPROC_DIR,
    "SNAPSHOT_SECONDS": 10,
    # Collectors that ask the database at scrape time, added to every exposition.
    "COLLECTORS": "config.telemetry.collectors",
    "DEFAULT_OBJECTIVES": "config.objectives.DEFAULT_OBJECTIVES",
    "MAY_EDIT": "config.rights.may_manage",
    "QUEUE_LAG_BUCKETS": _QUEUE_LAG_BUCKETS,
    "CHAOS_INTERVALS": "",  # dotted path of a callable that tells when faults were active
}
