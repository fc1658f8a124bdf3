"""
Every environment variable Steadydesk reads, parsed once and refused loudly.

Nothing outside `config` reads the environment. A bad value raises
`ImproperlyConfigured` with the name of the variable and what would be right.
`.env.example` and `docs/reference/settings.md` list the same names (a test keeps them equal).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.embedded import running

DEVELOPMENT, QA, PRODUCTION = "development", "qa", "production"
DEFAULT_SECRET_KEY: Final = "development-only-secret-key-that-production-refuses"  # noqa: S105
DEFAULT_PROVIDER_TOKEN: Final = "development-provider-token"  # noqa: S105
DEFAULT_WEBHOOK_SECRET: Final = "whsec_c3RlYWR5ZGVzay1kZXZlbG9wbWVudC1zZWNyZXQ="  # noqa: S105
DEFAULT_SECRETS: Final = {DEFAULT_SECRET_KEY, DEFAULT_PROVIDER_TOKEN, DEFAULT_WEBHOOK_SECRET}
MIN_SECRET_CHARS: Final = 50
LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
KNOWN: Final[set[str]] = set()

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _read[T](name: str, default: T, parse: Callable[[str], T], wanted: str) -> T:
    """Return the variable `name` parsed, or `default` when it is unset or empty."""
    KNOWN.add(name)
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={raw!r} is not {wanted}.") from error


def text(name: str, default: str = "") -> str:
    return _read(name, default, str, "text")


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError(raw)
        return raw

    return _read(name, default, parse, "one of " + ", ".join(choices))


def flag(name: str, *, default: bool) -> bool:
    def parse(raw: str) -> bool:
        if raw.lower() not in _TRUE | _FALSE:
            raise ValueError(raw)
        return raw.lower() in _TRUE

    return _read(name, default, parse, "true or false")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    def parse(raw: str) -> int:
        if not low <= int(raw) <= high:
            raise ValueError(raw)
        return int(raw)

    return _read(name, default, parse, f"a whole number from {low} to {high}")


def url(name: str, default: str, schemes: tuple[str, ...]) -> str:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.netloc:
            raise ValueError(raw)
        return raw.rstrip("/")

    return _read(name, default, parse, "a URL such as " + f"{schemes[0]}://host:port")


def rate(name: str, default: str) -> str:
    def parse(raw: str) -> str:
        if not re.fullmatch(r"[1-9]\d*/[smh]", raw):
            raise ValueError(raw)
        return raw

    return _read(name, default, parse, "a rate such as 50/s, 600/m or 1000/h")


def per_second(rate: str) -> float:
    """Return a rate such as "600/m" as a number a second."""
    count, unit = rate.split("/")
    return int(count) / {"s": 1, "m": 60, "h": 3600}[unit]


def listing(name: str, default: list[str]) -> list[str]:
    return _read(name, default, lambda raw: [part.strip() for part in raw.split(",")], "a list")


ENVIRONMENT = choice("ENVIRONMENT", DEVELOPMENT, (DEVELOPMENT, QA, PRODUCTION))
IS_PRODUCTION = ENVIRONMENT == PRODUCTION
if not IS_PRODUCTION:
    running.adopt()  # beside a running demo, its addresses are the defaults
DEBUG = flag("DEBUG", default=False)
SECRET_KEY = text("SECRET_KEY", DEFAULT_SECRET_KEY)
ALLOWED_HOSTS = listing(
    "ALLOWED_HOSTS", [] if IS_PRODUCTION else ["127.0.0.1", "localhost", "[::1]"]
)
DATABASE_URL = url(
    "DATABASE_URL", "postgres://postgres@127.0.0.1:5432/steadydesk", ("postgres", "postgresql")
)
REDIS_URL = url("REDIS_URL", "redis://127.0.0.1:6379", ("redis", "rediss", "unix"))
HOST = text("HOST", "127.0.0.1")
PORT = integer("PORT", 8080, low=1, high=65535)
METRICS_TOKEN = text("METRICS_TOKEN")
PROMETHEUS_MULTIPROC_DIR = text("PROMETHEUS_MULTIPROC_DIR")
WEB_PROCESSES = integer("WEB_PROCESSES", 2, low=1, high=64)
WEB_THREADS = integer("WEB_THREADS", 24, low=1, high=512)

PROVIDER_BASE_URL = url("PROVIDER_BASE_URL", "http://127.0.0.1:8090", ("http", "https"))
PROVIDER_IS_SIMULATED = flag(
    "PROVIDER_IS_SIMULATED", default=urlsplit(PROVIDER_BASE_URL).hostname in LOOPBACK
)
PROVIDER_TOKEN = text("PROVIDER_TOKEN", DEFAULT_PROVIDER_TOKEN)
PROVIDER_WEBHOOK_SECRET = text("PROVIDER_WEBHOOK_SECRET", DEFAULT_WEBHOOK_SECRET)
PROVIDER_CALLBACK_URL = url(
    "PROVIDER_CALLBACK_URL",
    f"http://127.0.0.1:{PORT}/api/v1/webhooks/provider",
    ("http", "https"),
)

PROMETHEUS_URL = url("PROMETHEUS_URL", "", ("http", "https"))
OTEL_EXPORTER_OTLP_ENDPOINT = url("OTEL_EXPORTER_OTLP_ENDPOINT", "", ("http", "https"))

QA_SEED_DEMO = flag("QA_SEED_DEMO", default=False)
QA_SYNTHETIC_USERS = integer("QA_SYNTHETIC_USERS", 20, low=4, high=100_000)
QA_SYNTHETIC_TICKETS = integer("QA_SYNTHETIC_TICKETS", 1000, low=0, high=10_000_000)
QA_SYNTHETIC_MESSAGES_PER_TICKET = integer("QA_SYNTHETIC_MESSAGES_PER_TICKET", 5, low=1, high=1000)

CHAOS_ENABLED = flag("CHAOS_ENABLED", default=not IS_PRODUCTION)
CHAOS_MAX_TTL_SECONDS = integer("CHAOS_MAX_TTL_SECONDS", 600, low=1, high=86_400)

CELERY_MESSAGES_CONCURRENCY = integer("CELERY_MESSAGES_CONCURRENCY", 2, low=1, high=64)
CELERY_CAMPAIGNS_CONCURRENCY = integer("CELERY_CAMPAIGNS_CONCURRENCY", 1, low=1, high=64)
CELERY_WEBHOOKS_CONCURRENCY = integer("CELERY_WEBHOOKS_CONCURRENCY", 2, low=1, high=64)
MESSAGES_RATE_LIMIT = rate("MESSAGES_RATE_LIMIT", "100/s")
CAMPAIGNS_RATE_LIMIT = rate("CAMPAIGNS_RATE_LIMIT", "20/s")


def refuse_unsafe_production() -> None:
    """
    Stop the start of a production process whose settings would betray it.

    :raises ImproperlyConfigured: naming the variable and what to do
    """
    if not IS_PRODUCTION:
        return
    faults = {
        "SECRET_KEY": SECRET_KEY in DEFAULT_SECRETS or len(SECRET_KEY) < MIN_SECRET_CHARS,
        "PROVIDER_TOKEN": PROVIDER_TOKEN in DEFAULT_SECRETS,
        "PROVIDER_WEBHOOK_SECRET": PROVIDER_WEBHOOK_SECRET in DEFAULT_SECRETS,
        "DEBUG": DEBUG,
        "CHAOS_ENABLED": CHAOS_ENABLED,
        "QA_SEED_DEMO": QA_SEED_DEMO,
        "ALLOWED_HOSTS": not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS,
    }
    advice = {
        "SECRET_KEY": "set it to 50 or more random characters",
        "PROVIDER_TOKEN": "set it to the token your message provider gave you",
        "PROVIDER_WEBHOOK_SECRET": "set it to the secret your message provider signs with",
        "DEBUG": "unset it",
        "CHAOS_ENABLED": "unset it: faults are never injected in production",
        "QA_SEED_DEMO": "unset it: synthetic data never reaches production",
        "ALLOWED_HOSTS": "list the host names this site answers to",
    }
    for name, is_unsafe in faults.items():
        if is_unsafe:
            raise ImproperlyConfigured(
                f"{name} is unsafe with ENVIRONMENT=production: {advice[name]}."
            )


refuse_unsafe_production()
