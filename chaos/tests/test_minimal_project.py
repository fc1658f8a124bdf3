"""chaos in a project that has nothing of ours: the same tests, other settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = ["test_services.py", "test_api.py", "test_admin.py", "test_command.py"]


def is_minimal():
    return os.environ.get("DJANGO_SETTINGS_MODULE") == "chaos.tests.minimal_settings"


@pytest.mark.skipif(is_minimal(), reason="already inside the minimal project")
def test_minimal_project_passes_the_same_tests():
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *[f"chaos/tests/{name}" for name in SUITE]],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "chaos.tests.minimal_settings"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout


def test_chaos_imports_nothing_of_ours():
    program = (
        "import sys, django; django.setup(); import chaos.points.redis, chaos.points.broker,"
        " chaos.points.provider, chaos.api.urls, chaos.admin\n"
        "ours = {'helpdesk', 'slo', 'qa_seed', 'config'} & {n.split('.')[0] for n in sys.modules}\n"
        "sys.exit(str(ours) if ours else 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "chaos.tests.minimal_settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
