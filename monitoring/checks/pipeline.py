"""The workflow judges honestly: one gate needs every job, and staging waits behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks import files

WORKFLOW: Final = ".github/workflows/qa-performance.yml"
MAKEFILE: Final = "Makefile"
_TARGETS: Final = re.compile(r"^([a-z0-9 -]+):", re.MULTILINE)
_CALLED: Final = re.compile(r" make ([a-z0-9-]+)")
_PINNED: Final = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
type Job = dict[str, Any]


def workflow(root: Path) -> Iterator[str]:
    """Yield each promise of the pipeline that the workflow breaks."""
    text = files.text(root, WORKFLOW)
    document = yaml.safe_load(text)
    yield from (f"{WORKFLOW}: {fault}" for fault in _faults(text, document))
    targets = set(" ".join(_TARGETS.findall(files.text(root, MAKEFILE))).split())
    for target in sorted(set(_CALLED.findall(text)) - targets):
        yield f"{WORKFLOW}: calls make {target}, which {MAKEFILE} does not have"


def _faults(text: str, document: dict[str, Any]) -> Iterator[str]:
    jobs = document["jobs"]
    if document.get("permissions") != {"contents": "read"}:
        yield "permissions must be contents: read and nothing else"
    if "concurrency" not in document:
        yield "has no concurrency: two runs of one branch would race"
    for line in re.findall(r"^ *-? *(uses: .*)$", text, flags=re.MULTILINE):
        if not _PINNED.match(line):
            yield f"{line!r} is not pinned by a full SHA with its version in a comment"
    for name, job in jobs.items():
        yield from (f"job {name}: {fault}" for fault in _job_faults(jobs, job))
    yield from _gate_faults(jobs)


def _job_faults(jobs: dict[str, Job], job: Job) -> Iterator[str]:
    if "timeout-minutes" not in job:
        yield "has no timeout-minutes"
    for needed in job.get("needs", []):
        if needed not in jobs:
            yield f"needs {needed!r}, which is no job"
    for step in job.get("steps", []):
        keeps = step.get("with", {}).get("persist-credentials") is not False
        if "actions/checkout@" in step.get("uses", "") and keeps:
            yield "leaves the checkout's credentials behind"
        if "${{" in step.get("run", ""):
            yield "puts an expression into a script: pass it by env"


def _gate_faults(jobs: dict[str, Job]) -> Iterator[str]:
    gate, staging = jobs.get("gate", {}), jobs.get("staging", {})
    judged = set(gate.get("needs", []))
    for name in sorted(set(jobs) - judged - {"gate", "staging"}):
        yield f"job gate: does not need {name!r}, so its failure would pass"
    if gate.get("if") != "always()":
        yield "job gate: must run always(), or a failure before it counts as skipped"
    if staging.get("needs") != ["gate"] or "environment" not in staging:
        yield "job staging: must need [gate] and name its environment"
