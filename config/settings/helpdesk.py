"""What the product reads: its message provider and its limits."""

from __future__ import annotations

from typing import Any

from config import env

HELPDESK: dict[str, Any] = {
    "PROVIDER_BASE_URL": env.PROVIDER_BASE_URL,
    "PROVIDER_TOKEN": env.PROVIDER_TOKEN,
    "PROVIDER_WEBHOOK_SECRETS": env.PROVIDER_WEBHOOK_SECRET.split(),  # new and old while rotating
    "PROVIDER_CALLBACK_URL": env.PROVIDER_CALLBACK_URL,
    "PROVIDER_DEADLINE_SECONDS": 5.0,
    "PROVIDER_TRANSPORT": "",  # dotted path of a callable that wraps the client's httpx transport
    "BREAKER_FAILURES": 5,  # outages in a row, in one process and channel
    "BREAKER_OPEN_SECONDS": 3.0,
    "CAMPAIGNS_RATE_PER_SECOND": env.per_second(env.CAMPAIGNS_RATE_LIMIT),  # of one process
    "WEBHOOK_DEADLINE_SECONDS": 10.0,
    "WEBHOOKS_MAY_REACH_LOOPBACK": not env.IS_PRODUCTION,  # and over http, for receivers in tests
    "LEASE_SECONDS": 30,
    "MAX_ATTEMPTS": 8,
    "STALLED_AFTER_SECONDS": 30,
    "QUEUES": ("messages", "campaigns", "webhooks", "maintenance"),
    "METRICS_TOKEN": env.METRICS_TOKEN,
}
QA_SEED: dict[str, Any] = {
    "ENVIRONMENT": env.ENVIRONMENT,
    "RUN_AT_START": env.QA_SEED_DEMO,
    "USERS": env.QA_SYNTHETIC_USERS,
    "TICKETS": env.QA_SYNTHETIC_TICKETS,
    "MESSAGES_PER_TICKET": env.QA_SYNTHETIC_MESSAGES_PER_TICKET,
}
