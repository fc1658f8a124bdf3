"""
The domain's own histograms and counters; the unit is in each name.

A histogram that an objective reads has the objective's threshold as a bucket edge.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RETRIES: Final = (300.0, 1800.0, 7200.0, 28_800.0, 86_400.0, 259_200.0)
_HUMAN: Final = (60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 259_200, 604_800)

WS_DELIVERY_SECONDS = Histogram(
    "helpdesk_ws_delivery_seconds",
    "From the moment an event happened until a socket had it (or acknowledged it).",
    buckets=_FAST,
)
PROVIDER_REQUEST_SECONDS = Histogram(
    "helpdesk_provider_request_seconds",
    "One call to the message provider, by outcome.",
    ["outcome"],
    buckets=_FAST,
)
PROVIDER_EVENT_SECONDS = Histogram(
    "helpdesk_provider_event_seconds",
    "From the receipt of a provider's webhook until its effect was stored, by outcome.",
    ["outcome"],
    buckets=_FAST,
)
# The newest change wins: a worker that was killed while its breaker was open says nothing more.
PROVIDER_BREAKER_STATE = Gauge(
    "helpdesk_provider_breaker_state",
    "Circuit breaker of the provider, by channel: 0 closed, 1 half-open, 2 open.",
    ["channel"],
    multiprocess_mode="mostrecent",
)
WEBHOOK_DELIVERY_SECONDS = Histogram(
    "helpdesk_webhook_delivery_seconds",
    "From an event until a webhook endpoint answered 2xx for it, or we gave up, by outcome.",
    ["outcome"],
    buckets=_FAST + _RETRIES,
)
FIRST_RESPONSE_SECONDS = Histogram(
    "helpdesk_first_response_seconds",
    "From the opening of a ticket until an agent first answered.",
    buckets=_HUMAN,
)
RESOLUTION_SECONDS = Histogram(
    "helpdesk_resolution_seconds",
    "From the opening of a ticket until it was resolved.",
    buckets=_HUMAN,
)
MESSAGES_TOTAL = Counter(
    "helpdesk_messages_total",
    "Messages that reached a status, by direction, channel and status.",
    ["direction", "channel", "status"],
)
CACHE_REQUESTS_TOTAL = Counter(
    "helpdesk_cache_requests_total",
    "Look-ups in a cache, by outcome: hit, miss or error.",
    ["cache", "outcome"],
)
