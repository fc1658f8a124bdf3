"""Alerts are whole: each has a severity, a summary, a test and a runbook that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from monitoring.checks import files
from monitoring.checks.files import names
from monitoring.checks.programs import (
    ALERTMANAGER,
    PROMETHEUS,
    RULES,
    TEMPLATES,
    defined_templates,
)

RUNBOOKS: Final = "docs/runbooks"
SECTIONS: Final = ("Meaning", "Impact", "Is it a drill?", "Diagnosis", "Mitigation", "After")
SEVERITIES: Final = frozenset({"page", "ticket", "info"})
_HEADING: Final = re.compile(r"^## (.+)$", flags=re.MULTILINE)
_ALERT_NAME: Final = re.compile(r'alertname="([^"]+)"')
type Rule = dict[str, Any]


def rules(root: Path) -> Iterator[tuple[str, Rule]]:
    """Yield every recording and alerting rule with the file it is in."""
    for path in names(root, RULES, "*.yml"):
        for group in files.document(root, path).get("groups", []):
            yield from ((path, rule) for rule in group.get("rules", []))


def alerts(root: Path) -> list[tuple[str, Rule]]:
    """Return the alerting rules with the file each is in."""
    return [(path, rule) for path, rule in rules(root) if "alert" in rule]


def incomplete(root: Path) -> Iterator[str]:
    """Yield each alert that has no known severity, no summary, or no runbook to open."""
    for path, rule in alerts(root):
        severity = rule.get("labels", {}).get("severity")
        notes = rule.get("annotations", {})
        if severity not in SEVERITIES:
            yield f"{path}: {rule['alert']} has the severity {severity!r}, which nobody is sent"
        if not notes.get("summary"):
            yield f"{path}: {rule['alert']} has no summary"
        runbook = notes.get("runbook_url", "")
        if not runbook.endswith(f"{RUNBOOKS}/{rule['alert']}.md"):
            yield f"{path}: {rule['alert']} has the runbook_url {runbook!r}, not its own runbook"


def untested(root: Path) -> Iterator[str]:
    """Yield each alert that no test has seen firing, and no test has seen quiet."""
    fired, quiet = _expectations(root)
    for path, rule in alerts(root):
        name = rule["alert"]
        if name not in fired:
            yield f"{path}: no test in {RULES}/tests expects {name} to fire"
        if name not in quiet and name != "Watchdog":
            yield f"{path}: no test in {RULES}/tests expects {name} to stay quiet"


def runbooks(root: Path) -> Iterator[str]:
    """Yield alerts without a runbook, runbooks without an alert, and runbooks with a gap."""
    wanted = {str(rule["alert"]): path for path, rule in alerts(root)}
    for name, path in sorted(wanted.items()):
        if not (root / RUNBOOKS / f"{name}.md").is_file():
            yield f"{path}: {name} has no runbook {RUNBOOKS}/{name}.md"
    for runbook in names(root, RUNBOOKS, "*.md"):
        text = files.text(root, runbook)
        if Path(runbook).stem not in wanted:
            yield f"{runbook}: no alert has this name"
        yield from _gaps(runbook, text)
        yield from _dead_links(root, runbook, text)


def wiring(root: Path) -> Iterator[str]:
    """Yield what Prometheus or Alertmanager name and nobody provides."""
    document = files.document(root, PROMETHEUS)
    folder = (root / PROMETHEUS).parent
    for pattern in document.get("rule_files", []):
        if not list(folder.glob(pattern)):
            yield f"{PROMETHEUS}: rule_files {pattern!r} matches no file"
    loaded = {path for pattern in document.get("rule_files", []) for path in folder.glob(pattern)}
    for path in names(root, RULES, "*.yml"):
        if root / path not in loaded:
            yield f"{PROMETHEUS}: {path} is loaded by no rule_files pattern"
    yield from _undefined_templates(root)


def _gaps(runbook: str, text: str) -> Iterator[str]:
    headings = _HEADING.findall(text)
    if headings != list(SECTIONS):
        yield f"{runbook}: the sections are {headings}, and should be {list(SECTIONS)}"
    bodies = _HEADING.split(text)[2::2]
    for heading, body in zip(headings, bodies, strict=True):
        if not body.strip():
            yield f"{runbook}: the section {heading!r} is empty"


def _dead_links(root: Path, runbook: str, text: str) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not ((root / runbook).parent / target).exists():
            yield f"{runbook}: the link {target} leads nowhere"


def _undefined_templates(root: Path) -> Iterator[str]:
    defined = {
        name
        for path in names(root, TEMPLATES, "*.tmpl")
        for name in defined_templates(files.text(root, path))
    }
    used = set(re.findall(r'template "([^"]+)"', files.text(root, ALERTMANAGER)))
    for name in sorted(used - defined):
        yield f"{ALERTMANAGER}: the template {name!r} is defined nowhere in {TEMPLATES}"
    for name in sorted(defined - used):
        yield f"{TEMPLATES}: the template {name!r} is used by no receiver"


def _expectations(root: Path) -> tuple[set[str], set[str]]:
    fired: set[str] = set()
    quiet: set[str] = set()
    every = {str(rule["alert"]) for _, rule in alerts(root)}
    for path in names(root, f"{RULES}/tests", "*.yml"):
        for test in files.document(root, path).get("tests", []):
            for case in test.get("alert_rule_test", []):
                (fired if case.get("exp_alerts") else quiet).add(case["alertname"])
            for case in test.get("promql_expr_test", []):
                seen = _fired_in(case)
                fired |= seen
                quiet |= _asked_for(case["expr"], every) - seen
    return fired, quiet


def _fired_in(case: dict[str, Any]) -> set[str]:
    samples = case.get("exp_samples") or []
    return {name for sample in samples for name in _ALERT_NAME.findall(sample["labels"])}


def _asked_for(query: str, every: set[str]) -> set[str]:
    """Return the alerts that a query of `ALERTS` would show if they fired."""
    if not query.startswith("ALERTS"):
        return set()
    return set(_ALERT_NAME.findall(query)) or every
