"""A run as text, JSON, Markdown or JUnit XML."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from chaos.models import ExperimentRun

Status = ExperimentRun.Status
SCHEMA_VERSION: Final = 1
_WIDTH: Final = 100
EXIT_CODES: Final = {
    Status.PASSED: 0,
    Status.DEVIATED: 3,
    Status.INCONCLUSIVE: 4,
    Status.ABORTED: 5,
    Status.INTERRUPTED: 5,
}


def exit_code(run: ExperimentRun) -> int:
    """Return 0 passed, 3 deviated, 4 inconclusive, 5 the run itself broke."""
    return EXIT_CODES.get(Status(run.status), 5)


def render(run: ExperimentRun, style: str) -> str:
    """Return `run` in the format `style`, ending with a newline."""
    return RENDERERS[style](run)


def as_json(run: ExperimentRun) -> str:
    """Return everything there is to know."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "id": str(run.pk),
        "name": run.name,
        "title": run.title,
        "hypothesis": run.hypothesis,
        "status": run.status,
        "reason": run.reason,
        "exit_code": exit_code(run),
        "actor": run.actor,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "duration_seconds": run.duration_seconds,
        "fault_ended_at": run.fault_ended_at,
        "mttr_seconds": run.mttr_seconds,
        "hits": run.hits,
        "lines": run.lines,
        "timeline": list(run.events.values("at", "offset_seconds", "kind", "text")),
        "definition": run.definition,
    }
    return json.dumps(document, indent=2, default=lambda moment: moment.isoformat()) + "\n"


def as_text(run: ExperimentRun) -> str:
    """Return the hypothesis line by line, the timeline, and the verdict last."""
    lines = [run.title, "", *textwrap.wrap(run.hypothesis, _WIDTH), ""]
    for line in run.lines:
        lines += [f"  {_mark(line)} {line['says']}", f"      {line['bound']}: {_counts(line)}"]
        if not _is_met(line):
            lines.append(f"      last problem: {_problem(line)}")
    lines += ["", *(f"  {event.offset_seconds:7.1f} s  {event.text}" for event in run.events.all())]
    return "\n".join([*lines, "", summary(run)]) + "\n"


def as_markdown(run: ExperimentRun) -> str:
    """Return a section with two tables, as a pull request shows it."""
    rows = [
        f"| {_mark(line)} | {_cell(line['says'])} | `{line['bound']}` "
        f"| {' | '.join(_shares(line))} | {_wanted(line)} | {_cell(_problem(line))} |"
        for line in run.lines
    ]
    times = [
        f"| {event.offset_seconds:.1f} s | {_cell(event.text)} |" for event in run.events.all()
    ]
    head = [f"## {run.title}", "", f"**{summary(run)}**", "", f"> {run.hypothesis}", ""]
    promises = ["| | promise | bound | before | during | after | wanted during | last problem |"]
    happened = ["", "| time | what happened |", "| --- | --- |"]
    lines = [*head, *promises, "| --- " * 8 + "|", *rows, *happened, *times]
    return "\n".join(lines) + "\n"


def as_junit(run: ExperimentRun) -> str:
    """Return a test suite with a case a line; a run that broke is one error."""
    bad = [line for line in run.lines if not _is_met(line)]
    is_broken = exit_code(run) > EXIT_CODES[Status.DEVIATED]
    suite = f"chaos.{run.name}"
    cases = [_case(suite, line, is_broken=is_broken) for line in run.lines]
    verdict = f"<error message={quoteattr(summary(run))}/>" if is_broken else ""
    cases.append(f'  <testcase classname={quoteattr(suite)} name="verdict">{verdict}</testcase>')
    failures = 0 if is_broken else len(bad)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name={quoteattr(suite)} tests="{len(cases)}" failures="{failures}"'
        f' errors="{int(is_broken)}" time="{run.duration_seconds or 0:.3f}">\n'
        + "\n".join(cases)
        + f"\n  <system-out>{escape(as_text(run))}</system-out>\n</testsuite>\n"
    )


def summary(run: ExperimentRun) -> str:
    """Return the verdict in one line."""
    reason = run.reason.rstrip(".")
    return f"{run.get_status_display().upper()}: {reason}. {run.hits} hits."


def _case(suite: str, line: dict[str, Any], *, is_broken: bool) -> str:
    told = f"{_problem(line) or 'did not hold'} ({_counts(line)})"
    failure = f"<failure message={quoteattr(told)}/>"
    if is_broken:
        failure = "<skipped/>"
    name = quoteattr(line["says"])
    inner = "" if _is_met(line) and not is_broken else failure
    return f"  <testcase classname={quoteattr(suite)} name={name}>{inner}</testcase>"


def _is_met(line: dict[str, Any]) -> bool:
    return bool(line["held_during"] and line["recovered"])


def _mark(line: dict[str, Any]) -> str:
    return "✓" if _is_met(line) else "✗"


def _counts(line: dict[str, Any]) -> str:
    before, during, after = _shares(line)
    return f"before {before}, during {during} (wanted: {_wanted(line)}), after {after}"


def _shares(line: dict[str, Any]) -> list[str]:
    phases = (line[phase] for phase in ("before", "during", "after"))
    return [f"{phase['good']} of {phase['total']}" for phase in phases]


def _wanted(line: dict[str, Any]) -> str:
    """Return the share of samples in which the line must hold while the fault does."""
    share: float = line["during_wanted"]
    names = {0.0: "none", 1.0: "all"}
    return names.get(share, f"{share:.0%}")


def _problem(line: dict[str, Any]) -> str:
    return str(line["problem"] or line["during"]["problem"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


RENDERERS: Final[dict[str, Callable[[ExperimentRun], str]]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "markdown": as_markdown,
}
