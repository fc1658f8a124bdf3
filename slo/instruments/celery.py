"""
How late Celery jobs start and how long they take, measured in the workers themselves.

`connect()` registers the signals once per process that publishes or runs tasks. Lag is counted from
the header `due_at` (epoch seconds): what the publisher set, else the `eta`, else the moment of
publishing. A redelivered job keeps its `due_at`, so the time it was lost is part of its lag; a job
retried for later is due when its new `eta` says, so a chosen delay is not.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from celery import Task, signals
from django.conf import settings
from prometheus_client import Histogram

DUE_AT: Final = "due_at"
_DISPATCH_ID: Final = "slo.instruments.celery"
_DEFAULT_LAG_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

QUEUE_LAG = Histogram(
    "celery_queue_lag_seconds",
    "Time from when a job was due until a worker started it, by queue.",
    ["queue"],
    buckets=getattr(settings, "SLO", {}).get("QUEUE_LAG_BUCKETS", _DEFAULT_LAG_BUCKETS),
)
TASK_DURATION = Histogram(
    "celery_task_duration_seconds",
    "Time a task ran, by task and by the state it ended in.",
    ["task", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0),
)


def connect() -> None:
    """Register the signal receivers of this process; calling it again changes nothing."""
    signals.before_task_publish.connect(stamp_due_at, dispatch_uid=f"{_DISPATCH_ID}.publish")
    signals.task_prerun.connect(observe_lag, dispatch_uid=f"{_DISPATCH_ID}.prerun")
    signals.task_postrun.connect(observe_duration, dispatch_uid=f"{_DISPATCH_ID}.postrun")


def stamp_due_at(headers: dict[str, Any] | None = None, **_future: Any) -> None:
    """Write into a message's headers when its job is due, unless its publisher said so."""
    if headers is None:
        return
    stated, eta = headers.get(DUE_AT), _epoch_seconds(headers.get("eta"))
    if stated is None:
        headers[DUE_AT] = eta or time.time()
    elif eta is not None:  # a retry carries the old header and a new eta
        headers[DUE_AT] = max(float(stated), eta)


def observe_lag(task: Task[Any, Any], **_future: Any) -> None:
    """Observe how late the job starts and remember when it did."""
    request: Any = task.request
    request.slo_started_seconds = time.perf_counter()
    due_at = _due_at(request)
    if due_at is None:  # called in-process, or published by something that knows no due time
        return
    QUEUE_LAG.labels(_queue(request)).observe(max(0.0, time.time() - due_at))


def observe_duration(task: Task[Any, Any], state: str | None = None, **_future: Any) -> None:
    """Observe how long the job ran, with the state it ended in as outcome."""
    started_seconds = getattr(task.request, "slo_started_seconds", None)
    if started_seconds is None:
        return
    outcome = (state or "unknown").lower()
    TASK_DURATION.labels(task.name, outcome).observe(time.perf_counter() - started_seconds)


def _due_at(request: Any) -> float | None:
    # Custom headers arrive as attributes of the request (protocol 2) or in its `headers`.
    stamped = getattr(request, DUE_AT, None) or (request.headers or {}).get(DUE_AT)
    try:
        return float(stamped) if stamped is not None else None
    except (TypeError, ValueError):
        return None


def _queue(request: Any) -> str:
    delivery = request.delivery_info or {}
    return str(delivery.get("routing_key") or "unknown")


def _epoch_seconds(moment: object) -> float | None:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.timestamp() if isinstance(moment, datetime) else None
