"""chaos in a project that has nothing of ours: the same tests, other settings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import include, path

from chaos import conf
from chaos.tests import minimal_settings, minimal_urls

ROOT = Path(__file__).resolve().parents[2]
SUITE = [
    "test_services.py", "test_api.py", "test_admin.py", "test_command.py", "test_banner.py",
    "test_experiments.py::test_run_passes_through_the_states_and_is_stored",
]  # fmt: skip


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


def test_five_lines_of_the_readme_are_all_that_the_minimal_project_has():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("the README lives in the repository, not in the app")
    lines = (
        readme.read_text().split("Chaos in five lines")[1].split("```")[1].removeprefix("python")
    )
    assert len(lines.strip().splitlines()) == 5
    ours = {"chaos", "chaos.points.http.ExemptionMiddleware", "chaos.points.http.ChaosMiddleware"}
    project: dict[str, Any] = {
        "INSTALLED_APPS": [app for app in minimal_settings.INSTALLED_APPS if app not in ours],
        "MIDDLEWARE": [name for name in minimal_settings.MIDDLEWARE if name not in ours],
        "urlpatterns": [],
        "path": path,
        "include": include,
    }
    exec(lines, project)  # noqa: S102 - our own README
    assert project["INSTALLED_APPS"] == minimal_settings.INSTALLED_APPS
    assert project["MIDDLEWARE"] == minimal_settings.MIDDLEWARE
    routes = {str(pattern.pattern) for pattern in project["urlpatterns"]}
    assert routes <= {str(pattern.pattern) for pattern in minimal_urls.urlpatterns}
    assert set(project["CHAOS"]) <= set(conf.DEFAULTS)


def test_chaos_imports_nothing_of_ours():
    program = (
        "import sys, django; django.setup(); import chaos.points.redis, chaos.points.broker,"
        " chaos.points.provider, chaos.api.urls, chaos.admin, chaos.urls,"
        " chaos.experiments.signals, chaos.experiments.reports\n"
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
