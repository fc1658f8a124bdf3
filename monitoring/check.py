"""
Check every file that watches, packs or judges Steadydesk with the tools that read it.

    python -m monitoring.check            # this checkout
    python -m monitoring.check --root DIR # another one
    python -m monitoring.check --only Grafana

Exit: 0 all well · 1 a file is wrong (each is named) · 2 a tool is missing (its package is named).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from monitoring.checks import alerts, containers, pipeline, programs, queries
from monitoring.checks.files import Unreadable

type Check = Callable[[Path], Iterable[str]]
CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("Prometheus: configuration and rules", programs.prometheus),
    ("Prometheus: tests of the rules", programs.rule_tests),
    ("Prometheus: everything it loads exists", alerts.wiring),
    ("Alerts: severity, summary, runbook", alerts.incomplete),
    ("Alerts: each was seen to fire and to stay quiet", alerts.untested),
    ("Runbooks: one for each alert, whole", alerts.runbooks),
    ("Runbooks: every query they name", queries.in_runbooks),
    ("Rules: known metrics only", queries.in_rules),
    ("Alertmanager: configuration, templates, routes", programs.alertmanager),
    ("Grafana: provisioning", queries.provisioning),
    ("Grafana: every query of every dashboard", queries.in_dashboards),
    ("Compose: schema", programs.compose),
    ("Compose: references, limits, openness", containers.compose),
    ("Compose: the process types of the Procfile", containers.processes),
    ("Dockerfile", containers.dockerfile),
    (".dockerignore", containers.dockerignore),
    ("Workflows: schema and zizmor", programs.workflows),
    ("Workflow: gate, pins, timeouts", pipeline.workflow),
)
ROOT: Final = Path(__file__).resolve().parents[1]


def problems_of(check: Check, root: Path) -> list[str]:
    """Return what `check` found; a file that it cannot read, or make sense of, is a problem too."""
    found: list[str] = []
    try:
        found.extend(check(root))
    except Unreadable as error:
        found.append(str(error))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        found.append(f"a file has not the shape that {check.__module__} expects: {error!r}")
    return found


def run(root: Path, only: str = "") -> int:
    """Run the checks whose title contains `only`, print what they found, return the exit code."""
    began, faulty = time.monotonic(), 0
    chosen = [(title, check) for title, check in CHECKS if only.lower() in title.lower()]
    for title, check in chosen:
        found = problems_of(check, root)
        faulty += bool(found)
        _say(f"{'FAIL' if found else 'ok':<5}{title}")
        for problem in found:
            _say("     " + problem.replace("\n", "\n       "))
    seconds = time.monotonic() - began
    _say(f"{len(chosen) - faulty} of {len(chosen)} checks passed in {seconds:.1f} s")
    return 1 if faulty or not chosen else 0


def main() -> int:
    """Run the checks that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to look at")
    parser.add_argument("--only", default="", help="a word of the titles of the checks to run")
    options = parser.parse_args()
    try:
        return run(options.root.resolve(), options.only)
    except programs.ToolMissing as missing:
        _say(str(missing))
        return 2


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
