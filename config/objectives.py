"""
The seven promises a new installation starts with: rows to be edited, not settings.

A migration creates those that do not exist; it never touches one that does.
"""

from __future__ import annotations

from typing import Any, Final

# Everything under /api/v1 but the faults, the promises themselves, the webhooks and the schema.
_API: Final = {"view": "api:.*"}
_LATENCY: Final = "django_http_requests_latency_seconds_by_view_method"
_LAG: Final = "celery_queue_lag_seconds"


def _share(name: str, description: str, **fields: Any) -> dict[str, Any]:
    """Return an objective over the share of a histogram at or below a threshold."""
    return {
        "name": name,
        "description": description,
        "kind": "histogram_ratio",
        "target_ratio": "0.95",
        **fields,
    }


DEFAULT_OBJECTIVES: Final[list[dict[str, Any]]] = [
    _share(
        "api-p50",
        "50 % of API requests answer within 120 ms.",
        metric=_LATENCY,
        match=_API,
        threshold_seconds="0.12",
        target_ratio="0.5",
    ),
    _share(
        "api-p95",
        "95 % of API requests answer within 350 ms.",
        metric=_LATENCY,
        match=_API,
        threshold_seconds="0.35",
    ),
    {
        "name": "api-errors",
        "description": "Fewer than 0.5 % of API requests answer 5xx.",
        "kind": "counter_ratio",
        "metric": "django_http_responses_total_by_status_view_method_total",
        "match": _API,
        "bad_match": {"status": "5.."},
        "target_ratio": "0.995",
        "is_strict": True,
    },
    _share(
        "ws-delivery-p95",
        "95 % of events reach the socket within 1 s after they happened.",
        metric="helpdesk_ws_delivery_seconds",
        threshold_seconds="1",
    ),
    _share(
        "queue-lag-messages-p95",
        "95 % of messages' jobs start within 1 s after they became due.",
        metric=_LAG,
        match={"queue": "messages"},
        threshold_seconds="1",
    ),
    _share(
        "queue-lag-campaigns-p95",
        "95 % of campaigns' jobs start within 5 s after they became due.",
        metric=_LAG,
        match={"queue": "campaigns"},
        threshold_seconds="5",
    ),
    {
        "name": "stalled-jobs",
        "description": "No job is stalled.",
        "kind": "zero_gauge",
        "metric": "helpdesk_stalled_jobs",
        "target_ratio": "1",
    },
]
