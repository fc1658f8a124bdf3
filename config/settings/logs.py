"""Structured logs: JSON lines in production and QA, readable lines on a developer's terminal."""

from __future__ import annotations

from typing import Any

from config import env

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": "config.logs.formatter",
            "as_json": env.ENVIRONMENT != env.DEVELOPMENT,
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "steadydesk": {"level": "INFO"},
        "helpdesk": {"level": "INFO"},
        "chaos": {"level": "INFO"},
        "slo": {"level": "INFO"},
        "django": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},  # 4xx are answers, not faults of ours
        "celery": {"level": "WARNING"},
    },
}
