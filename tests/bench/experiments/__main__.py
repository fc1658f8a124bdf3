"""
Run every experiment on the whole system, then again without the protection that it watches.

`python -m tests.bench.experiments` boots the system as `make demo` does. With everything in place
each experiment must pass; without a protection (`proofs.PROOFS`) it must deviate. It prints two
tables and with `--write FILE` replaces those on that page. Exits 1 when an experiment did not pass
or could not fail.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from config.embedded import folders
from config.stack import Stack
from tests.bench.experiments import page
from tests.bench.experiments.proofs import PROOFS, Proof, environment
from tests.processes import frozen

EXPERIMENTS: Final = folders.REPOSITORY / "config" / "experiments"
_PASSED, _DEVIATED = 0, 3
_TRIES: Final = 3
_STARTED: Final = time.monotonic()
_SMALL: Final = {"CHAOS_ENABLED": "true", "QA_SYNTHETIC_TICKETS": "100"}


def names() -> list[str]:
    """Return the names of the desk's experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


@contextmanager
def booted(env: dict[str, str]) -> Iterator[Stack]:
    """Have the whole system, and its end said as well as its start."""
    began = time.monotonic()
    with Stack("experiments", is_seeded=True, env={**_SMALL, **env}) as stack:
        _say(f"booted in {time.monotonic() - began:.0f} s")
        yield stack


def run_one(stack: Stack, name: str) -> page.Report:
    """Run an experiment until it was tried; a machine too busy to be steady tells nothing."""
    for _number in range(_TRIES):
        report = _run(stack, name)
        if report["status"] != "aborted":
            break
    return report


def _run(stack: Stack, name: str) -> page.Report:
    """Run an experiment as a user does, and return its report."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "manage.py", "run_experiment", name, "--format", "json"],
        env={**os.environ, **_SMALL, **stack.env}, cwd=folders.REPOSITORY,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout:
        raise SystemExit(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    _say(f"{name}: {report['status']} in {time.monotonic() - began:.0f} s. {report['reason']}")
    return report


def run_all(wanted: Iterable[str]) -> tuple[list[page.Report], list[tuple[Proof, page.Report]]]:
    """Run the experiments protected, then unprotected, on as few systems as that takes."""
    protected: list[page.Report] = []
    seen: list[tuple[Proof, page.Report]] = []
    for start in sorted({proof.start for proof in PROOFS if proof.experiment in wanted} | {""}):
        group = [each for each in PROOFS if each.start == start and each.experiment in wanted]
        with booted(environment(group)) as stack:
            if not start:
                protected = [run_one(stack, name) for name in wanted]
            seen += [(proof, run_bare(stack, proof)) for proof in group]
    return protected, seen


def run_bare(stack: Stack, proof: Proof) -> page.Report:
    """Run the experiment on a system that lacks the protection."""
    _say(f"without {proof.without} ({proof.how}):")
    with frozen(stack, proof.stopped):
        return run_one(stack, proof.experiment)


def _say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments (default: all)")
    parser.add_argument("--write", metavar="FILE", help="a page whose tables are replaced")
    options = parser.parse_args()
    wanted = options.names or names()
    protected, unprotected = run_all(wanted)
    made = page.text(protected, unprotected)
    print(made)
    if options.write:
        page.write(Path(options.write), made)
    is_right = all(report["exit_code"] == _PASSED for report in protected) and all(
        report["exit_code"] == _DEVIATED for _proof, report in unprotected
    )
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
