"""The real tools that read these files in production or in CI, run over them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitoring.checks import files
from monitoring.checks.files import names

PROMETHEUS: Final = "monitoring/prometheus/prometheus.yml"
RULES: Final = "monitoring/prometheus/rules"
ALERTMANAGER: Final = "monitoring/alertmanager/alertmanager.yml"
TEMPLATES: Final = "monitoring/alertmanager/templates"
ROUTING: Final = "monitoring/alertmanager/routing-tests.yml"
COMPOSE: Final = "docker-compose.qa.yml"
WORKFLOWS: Final = ".github/workflows"
_INSTALL: Final = {
    "promtool": "apt-get install prometheus (macOS: brew install prometheus)",
    "amtool": "apt-get install prometheus-alertmanager (macOS: brew install alertmanager)",
    "zizmor": "pip install --require-hashes -r requirements/dev.txt",
    "check-jsonschema": "pip install --require-hashes -r requirements/dev.txt",
}


class ToolMissing(Exception):
    """A program that a check needs is not on this machine; the message says how to get it."""


def find(tool: str) -> str:
    """
    Return the path of `tool`, looked for beside this Python first.

    :raises ToolMissing: naming the package that has it
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(tool, path=places)
    if found is None:
        raise ToolMissing(f"{tool} is missing: {_INSTALL[tool]}")
    return found


def complaint(root: Path, path: str, tool: str, *arguments: str) -> list[str]:
    """Return what `tool` has against `path`, or nothing when it exits 0."""
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [find(tool), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 0:
        return []
    said = (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
    return [f"{path}: {tool} says:\n{said}"]


def prometheus(root: Path) -> Iterator[str]:
    """Yield what promtool has against the configuration and against each file of rules."""
    yield from complaint(
        root, PROMETHEUS, "promtool", "check", "config", "--syntax-only", PROMETHEUS
    )
    for rules in names(root, RULES, "*.yml"):
        yield from complaint(root, rules, "promtool", "check", "rules", "--lint-fatal", rules)


def rule_tests(root: Path) -> Iterator[str]:
    """Yield each file of rule tests that promtool saw fail, with the rules it is about."""
    for tests in names(root, f"{RULES}/tests", "*.yml"):
        for problem in complaint(root, tests, "promtool", "test", "rules", tests):
            about = [Path(name).name for name in files.document(root, tests)["rule_files"]]
            yield f"{problem}\n(about {', '.join(f'{RULES}/{name}' for name in about)})"


def alertmanager(root: Path) -> Iterator[str]:
    """Yield what amtool has against the configuration and where it would send each test case."""
    rejected = complaint(root, ALERTMANAGER, "amtool", "check-config", ALERTMANAGER)
    yield from rejected
    yield from _unrenderable(root)
    if not rejected:
        yield from _misrouted(root)


def workflows(root: Path) -> Iterator[str]:
    """Yield what GitHub's schema and zizmor's audits find in each workflow."""
    for path in names(root, WORKFLOWS, "*.yml"):
        yield from complaint(
            root, path, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path
        )
        yield from complaint(root, path, "zizmor", "--offline", "--no-progress", "-q", path)


def compose(root: Path) -> list[str]:
    """Return what the Compose specification's schema has against the QA stack."""
    return complaint(
        root, COMPOSE, "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE
    )


def _misrouted(root: Path) -> Iterator[str]:
    for case in files.document(root, ROUTING):
        labels = [f"{name}={value}" for name, value in case["labels"].items()]
        wanted = f"--verify.receivers={case['receiver']}"
        route = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", wanted, *labels)
        for problem in complaint(root, ALERTMANAGER, "amtool", *route):
            yield f"{problem}\n(expected by {ROUTING}: {case['why']})"


def _unrenderable(root: Path) -> Iterator[str]:
    for path in names(root, TEMPLATES, "*.tmpl"):
        for name in defined_templates(files.text(root, path)):
            text = f'{{{{ template "{name}" . }}}}'
            glob = f"--template.glob={TEMPLATES}/*.tmpl"
            render = ("template", "render", glob, f"--template.text={text}")
            yield from complaint(root, path, "amtool", *render)


def defined_templates(text: str) -> list[str]:
    """Return the names that a Go template file defines."""
    return [part.split('"')[1] for part in text.split("{{ define ")[1:]]
