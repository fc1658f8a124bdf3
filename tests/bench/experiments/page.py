"""What was seen, as two tables for the docs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.bench.experiments.proofs import Proof

MARK: Final = "<!-- made by: python -m tests.bench.experiments -->"
Report = dict[str, Any]
_PROTECTED: Final = ("experiment", "verdict", "whole again after", "calls hit", "samples")
_UNPROTECTED: Final = ("experiment", "without", "how", "verdict", "did not hold", "calls hit")


def broken_lines(report: Report) -> list[str]:
    """Return the lines of the hypothesis that did not hold, or not again."""
    lines = (line for line in report["lines"] if not (line["held_during"] and line["recovered"]))
    return [f"{line['says']} ({_counted(line)})" for line in lines]


def _counted(line: dict[str, Any]) -> str:
    phase = "after" if line["held_during"] else "during"
    return f"{line[phase]['good']} of {line[phase]['total']} {phase}"


def text(protected: Iterable[Report], unprotected: Iterable[tuple[Proof, Report]]) -> str:
    """Return both tables, and how busy the machine was."""
    load = os.getloadavg()[1] / (os.cpu_count() or 1)
    whole = _table(_PROTECTED, [_protected_row(report) for report in protected])
    bare = _table(_UNPROTECTED, [_unprotected_row(*seen) for seen in unprotected])
    return (
        f"{MARK}\n## With everything in place\n{whole}\n## With one protection removed\n{bare}\n"
        f"Made with a load of {load:.1f} a processor.\n"
    )


def _protected_row(report: Report) -> list[str]:
    mttr = report["mttr_seconds"]
    samples = report["lines"][0] if report["lines"] else {}
    during = samples["during"]["total"] if samples else 0
    return [
        f"`{report['name']}`",
        report["status"],
        "never" if mttr is None else f"{mttr:.1f} s",
        str(report["hits"]),
        str(during),
    ]


def _unprotected_row(proof: Proof, report: Report) -> list[str]:
    broken = "<br>".join(broken_lines(report)) or report["reason"]
    return [
        f"`{proof.experiment}`",
        proof.without,
        proof.how,
        report["status"],
        broken,
        str(report["hits"]),
    ]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(path: Path, made: str) -> None:
    """Replace what an earlier run wrote on the page; what people wrote above it stays."""
    path.write_text(path.read_text().split(MARK)[0] + made)
