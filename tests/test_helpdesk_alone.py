"""The product alone: a copy without chaos, slo and qa_seed passes the product's own tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
TAKEN = ("config", "helpdesk", "templates", "manage.py", "pyproject.toml")
LEFT = ("chaos", "slo", "qa_seed")
TESTS = (
    "test_auth_tokens", "test_delivery_status", "test_errors", "test_messages",
    "test_provider_inbound", "test_query_budgets", "test_socket_door", "test_tickets",
)  # fmt: skip
FEWEST_PASSED = 150


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    for name in TAKEN:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in `folder` with the services of this run, on a database of its own."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "CHAOS_ENABLED": "false",
        "DATABASE_URL": urlunsplit(parts._replace(path="/steadydesk_alone")),
        "DJANGO_SETTINGS_MODULE": "config.settings.helpdesk_only",
    }
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("app", LEFT)
def test_the_copy_cannot_import_the_tools(copy, app):
    done = run(copy, "-c", f"import {app}")

    assert done.returncode != 0
    assert f"No module named '{app}'" in done.stderr


def test_the_copy_passes_its_checks(copy):
    done = run(copy, "manage.py", "check")

    assert done.returncode == 0, done.stderr


def test_the_products_tests_pass_alone(copy):
    files = [f"helpdesk/tests/{name}.py" for name in TESTS]

    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--create-db", *files)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= FEWEST_PASSED
