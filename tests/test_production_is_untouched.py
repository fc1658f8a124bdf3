"""Production on a database in which somebody armed every fault: nothing happens, nobody notices."""

import json
import os
import subprocess
import sys

import pytest
from django.utils import timezone

from chaos import catalog, services
from chaos.tests.conftest import database_url_of_this_test
from tests.test_wiring import PRODUCTION

PROGRAM = """
import json, sys, django
django.setup()
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client
import config.celery, helpdesk.tasks

client = Client(HTTP_HOST="desk.example.com")
ask = lambda path: client.get(path, secure=True)
cache.set("chaos-row", "served", 30)
with connection.cursor() as cursor:
    cursor.execute("select count(*) from chaos_fault where ended_at is null")
    armed_rows = cursor.fetchone()[0]
answers = {path: ask(path).status_code for path in ("/livez", "/readyz", "/api/v1/auth/me")}
print(json.dumps({
    "armed_rows": armed_rows,
    "answers": answers,
    "marked": [path for path in answers if "X-Chaos-Fault" in ask(path).headers],
    "named": [name for name in dir(settings) if "chaos." in repr(getattr(settings, name))],
    "cache": cache.get("chaos-row"),
    "api": [ask("/api/v1/dev/chaos").status_code, ask("/api/v1/dev/chaos/redis").status_code],
    "admin": [m._meta.label for m in admin.site._registry if m._meta.app_label == "chaos"],
    "modules": [name for name in sys.modules if name.split(".")[0] == "chaos"],
}))
"""


@pytest.fixture
def everything_armed(transactional_db, settings):
    settings.CHAOS = {**settings.CHAOS, "MAX_ACTIVE_FAULTS": 100}
    return [
        services.inject_fault(
            target=target,
            mode=name,
            ttl_seconds=600,
            metadata={},
            actor=services.Actor(name="somebody"),
            now=timezone.now(),
        )
        for target, modes in catalog.CATALOGUE.items()
        for name in modes
    ]


def test_rows_of_faults_mean_nothing_in_production(everything_armed):
    kept = {name: os.environ[name] for name in ("PATH", "REDIS_URL")}
    database = {"DATABASE_URL": database_url_of_this_test()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept, **database, **PRODUCTION, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "armed_rows": len(everything_armed),
        "answers": {"/livez": 200, "/readyz": 200, "/api/v1/auth/me": 401},
        "marked": [],
        "named": [],
        "cache": "served",
        "api": [404, 404],
        "admin": [],
        "modules": [],
    }
