"""The app in a project that has nothing else: it imports nothing of ours and works there."""

import os
import subprocess
import sys

import psycopg
import pytest

SCRIPT = """
import sys
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
from slo.models import Objective
print("objectives:", [each.name for each in Objective.objects.all()])
client = Client(raise_request_exception=False)
client.get("/nowhere")
page = client.get("/metrics")
print("metrics:", page.status_code, b"http_request_duration_ms_count" in page.content)
print("anonymous:", client.get("/slo").status_code)
from django.contrib.auth.models import User
client.force_login(User.objects.create_superuser("root"))
answer = client.get("/slo").json()
judged = {"met", "at_risk", "missed"}  # how fast this machine is today is not the question
print("slo:", [(each["name"], each["state"] in judged) for each in answer["objectives"]])
listing = client.get("/admin/slo/objective/")
print("admin:", listing.status_code)
print("pages:", [client.get(f"/promises{end}").status_code for end in ("", "/pages")])
print("change:", client.get("/admin/slo/objective/1/change/").status_code)
ours = {"config", "helpdesk", "chaos", "qa_seed"} & {name.split(".")[0] for name in sys.modules}
print("imported of ours:", sorted(ours))
"""


@pytest.fixture
def empty_database(django_db_setup):
    """Create a database of its own and return its URL."""
    url = os.environ["DATABASE_URL"]
    # Without the desk's statement timeout: a database comes and goes with a checkpoint, which takes
    # as long as the tests before it wrote.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS slo_minimal")
        connection.execute("CREATE DATABASE slo_minimal")
        yield url.rsplit("/", 1)[0] + "/slo_minimal"
        connection.execute("DROP DATABASE slo_minimal WITH (FORCE)")


def test_app_works_alone(empty_database):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "slo.tests.project.settings",
        "DATABASE_URL": empty_database,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-9:] == [
        "System check identified no issues (0 silenced).",
        "objectives: ['pages']",
        "metrics: 200 True",
        "anonymous: 403",
        "slo: [('pages', True)]",
        "admin: 200",
        "pages: [200, 200]",
        "change: 200",
        "imported of ours: []",
    ]
