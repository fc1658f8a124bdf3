"""
Celery: work on Redis that may be lost, because every row it works on is in PostgreSQL.

The values were measured: without them `apply_async` hangs for more than 45 s on a frozen Redis.
Order that must hold: provider deadline < soft limit < hard limit < row lease < visibility timeout.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from config import env
from config.settings.redis import BROKER_URL

CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 1.5,  # a publish tries twice: a frozen Redis costs a request 3 s, once
    "retry_on_timeout": False,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "visibility_timeout": 60,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 15
CELERY_TASK_TIME_LIMIT = 20
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_ROUTES = {
    "helpdesk.deliver_message": {"queue": "messages"},
    "helpdesk.dispatch_campaigns": {"queue": "campaigns"},
    "helpdesk.deliver_webhook": {"queue": "webhooks"},
    "helpdesk.receive_provider_event": {"queue": "webhooks"},
}
# Each worker holds to its own limit (Celery knows none for a fleet). Campaigns count calls, not
# jobs: see CAMPAIGNS_RATE_PER_SECOND.
CELERY_TASK_ANNOTATIONS = {
    "helpdesk.deliver_message": {"rate_limit": env.MESSAGES_RATE_LIMIT},
}
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "slo-snapshot": {
        "task": "slo.take_snapshot",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "roll-up-days": {
        "task": "helpdesk.roll_up_days",
        "schedule": crontab(minute="2"),
        "options": {"expires": 1800},
    },
    "close-resolved": {
        "task": "helpdesk.close_resolved",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
}
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # the schedule is code: nothing to store on disk
