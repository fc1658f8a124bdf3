"""Health, and requests, with the database or Redis really away: in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

CLOSED_PORT = 9
ASK = """
import json, sys, time
import django
django.setup()
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken
token = AccessToken()
token["user_id"] = "1"
client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
seen = {}
for path in sys.argv[1:]:
    began = time.monotonic()
    answer = client.get(path, headers={"Host": "127.0.0.1"})
    seen[path] = {
        "status": answer.status_code,
        "seconds": time.monotonic() - began,
        "headers": dict(answer.headers),
        "text": answer.content.decode(),
    }
print(json.dumps(seen))
"""


def ask(*paths: str, **environment: str) -> dict[str, Any]:
    """Return what a fresh process with `environment` answers to each of `paths`."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, *paths],
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": _settings_module()},
        capture_output=True,
        timeout=60,
        check=True,
        text=True,
    )
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _settings_module() -> str:
    return str(os.environ.get("DJANGO_SETTINGS_MODULE", settings.SETTINGS_MODULE))


@pytest.fixture(scope="module")
def without_database():
    return ask(
        "/livez", "/readyz", "/api/v1/tickets", "/api/v1/auth/me",
        DATABASE_URL=f"postgres://postgres@127.0.0.1:{CLOSED_PORT}/nowhere",
    )  # fmt: skip


@pytest.fixture(scope="module")
def without_redis(django_db_setup):
    return ask(
        "/livez", "/readyz",
        DATABASE_URL=_test_database_url(), REDIS_URL=f"redis://127.0.0.1:{CLOSED_PORT}",
    )  # fmt: skip


def _test_database_url() -> str:
    database = settings.DATABASES["default"]
    host, port = database["HOST"], database["PORT"]
    return f"postgres://{database['USER']}:{database['PASSWORD']}@{host}:{port}/{database['NAME']}"


def test_alive_needs_no_database(without_database):
    assert without_database["/livez"]["status"] == 200
    assert without_database["/livez"]["seconds"] < 2


def test_ready_is_503_without_a_database(without_database):
    answer = without_database["/readyz"]

    assert answer["status"] == 503
    assert json.loads(answer["text"])["checks"]["database"] == "down"
    assert int(answer["headers"]["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/api/v1/tickets", "/api/v1/auth/me"])
def test_a_request_without_a_database_is_503_soon_and_tells_nothing(without_database, path):
    answer = without_database[path]

    assert answer["status"] == 503
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert int(answer["headers"]["Retry-After"]) > 0
    assert json.loads(answer["text"])["code"] == "database_unavailable"
    assert json.loads(answer["text"])["trace_id"] == answer["headers"]["X-Trace-Id"]
    assert answer["seconds"] < 5
    assert "127.0.0.1" not in answer["text"]


def test_ready_is_degraded_without_redis(without_redis):
    answer = without_redis["/readyz"]

    assert answer["status"] == 200
    assert json.loads(answer["text"]) == {
        "status": "degraded",
        "checks": {"database": "ok", "redis": "down"},
    }


def test_alive_needs_no_redis(without_redis):
    assert without_redis["/livez"]["status"] == 200


@pytest.mark.django_db
def test_ready_is_ok_with_both(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "redis": "ok"}}
