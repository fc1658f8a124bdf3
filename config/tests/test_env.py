"""A bad environment stops the start and names what is wrong with it."""

import os
import re
import subprocess
import sys

import pytest

from config import env
from config.embedded.folders import REPOSITORY

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "0123456789-a-key-for-this-test-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "desk.example.com",
    "PROVIDER_TOKEN": "a-token-of-our-own",
    "PROVIDER_WEBHOOK_SECRET": "whsec_b3VyLW93bi1zZWNyZXQ=",
}
BAD = {
    "ENVIRONMENT": "staging",
    "DEBUG": "maybe",
    "DATABASE_URL": "mysql://localhost/desk",
    "REDIS_URL": "localhost:6379",
    "PORT": "70000",
    "WEB_PROCESSES": "0",
    "WEB_THREADS": "many",
    "PROVIDER_BASE_URL": "ftp://provider",
    "PROVIDER_CALLBACK_URL": "/api/v1/webhooks/provider",
    "PROMETHEUS_URL": "prometheus:9090",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
    "QA_SEED_DEMO": "perhaps",
    "QA_SYNTHETIC_USERS": "3",
    "QA_SYNTHETIC_TICKETS": "-1",
    "QA_SYNTHETIC_MESSAGES_PER_TICKET": "5.5",
    "CHAOS_ENABLED": "2",
    "CHAOS_MAX_TTL_SECONDS": "0",
    "CELERY_MESSAGES_CONCURRENCY": "0",
    "CELERY_CAMPAIGNS_CONCURRENCY": "65",
    "CELERY_WEBHOOKS_CONCURRENCY": "one",
    "MESSAGES_RATE_LIMIT": "fast",
    "CAMPAIGNS_RATE_LIMIT": "0/s",
}


def read_settings(**environment: str) -> subprocess.CompletedProcess[str]:
    services = {"DATABASE_URL": "postgres://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}
    return subprocess.run(
        [sys.executable, "-c", "from config import env; print(env.ENVIRONMENT)"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **services, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("name", "value"), BAD.items())
def test_bad_value_is_refused_by_name(name, value):
    done = read_settings(**{name: value})
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name}={value!r} is not " in done.stderr


def test_production_starts_when_everything_is_its_own():
    assert read_settings(**PRODUCTION).stdout == "production\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("PROVIDER_TOKEN", ""),
        ("PROVIDER_WEBHOOK_SECRET", ""),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "*"),
        ("DEBUG", "true"),
        ("CHAOS_ENABLED", "true"),
        ("QA_SEED_DEMO", "true"),
    ],
)
def test_production_refuses(name, value):
    done = read_settings(**{**PRODUCTION, name: value})
    assert done.returncode != 0
    assert f"{name} is unsafe with ENVIRONMENT=production" in done.stderr


def test_example_lists_every_variable_once():
    example = (REPOSITORY / ".env.example").read_text()
    names = re.findall(r"^([A-Z_]+)=.*  # \S", example, re.MULTILINE)
    assert sorted(names) == sorted(env.KNOWN)


def test_example_as_it_stands_changes_nothing():
    show = (
        "from config import env; print({n: str(v) for n, v in vars(env).items() if n in env.KNOWN})"
    )
    python = f"exec '{sys.executable}' -c '{show}'"

    def values(command: str) -> str:
        # One address is given, so that no demo that happens to run here is spoken of.
        given = {"PATH": os.environ["PATH"], "REDIS_URL": "redis://127.0.0.1:6379"}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=REPOSITORY,
            env=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "'PORT': '8080'" in values(python)
    keep = "REDIS_URL=redis://127.0.0.1:6379"
    assert values(f"set -a; . ./.env.example; {keep}; {python}") == values(python)
