"""The one promise of the minimal project."""

OBJECTIVES = [
    {
        "name": "pages",
        "description": "95 % of pages answer within 350 ms.",
        "kind": "histogram_ratio",
        "metric": "django_http_requests_latency_seconds_by_view_method",
        "threshold_seconds": "0.35",
        "target_ratio": "0.95",
    }
]
