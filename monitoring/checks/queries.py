"""Every query parses and asks only for metrics that somebody exposes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser

from monitoring.checks import files
from monitoring.checks.alerts import RUNBOOKS, rules
from monitoring.checks.files import names
from monitoring.checks.programs import COMPOSE

DASHBOARDS: Final = "monitoring/grafana/dashboards"
DATASOURCES: Final = "monitoring/grafana/provisioning/datasources/prometheus.yml"
PROVIDERS: Final = "monitoring/grafana/provisioning/dashboards/steadydesk.yml"
METRICS: Final = "monitoring/metrics.yml"
_OURS: Final = re.compile(r"\b(helpdesk|slo|chaos|celery|django|http|queue)[_:][a-z_:]+\b")
_COMMANDS: Final = ("slo_report", "slo_rules", "slo_gate")
_MOUNT: Final = "/etc/grafana/dashboards"
_OF_HISTOGRAM: Final = ("_bucket", "_sum", "_count")
# What Grafana fills in before it asks Prometheus.
_VARIABLES: Final = {
    "$__rate_interval": "1m",
    "$__interval": "15s",
    "$__range": "1h",
}


class BadQuery(Exception):
    """A query that Prometheus would refuse, or that names no metric at all."""


def metrics_of(query: str) -> set[str]:
    """
    Return the metric names that a PromQL expression asks for.

    :raises BadQuery: when it does not parse, or selects series without naming a metric
    """
    found: set[str] = set()
    try:
        tree = promql_parser.parse(query)
    except ValueError as error:
        raise BadQuery(f"{query!r} does not parse: {error}") from error
    promql_parser.walk(tree, lambda node: _collect(node, found))
    if "" in found:
        raise BadQuery(f"{query!r} selects series without naming a metric")
    return found


def known_metrics(root: Path) -> set[str]:
    """Return the names a query may use: what processes expose and what rules record."""
    exposed: set[str] = set()
    for families in files.document(root, METRICS).values():
        for name, kind in families.items():
            exposed |= {name + end for end in _OF_HISTOGRAM} if kind == "histogram" else {name}
    return exposed | {rule["record"] for _, rule in rules(root) if "record" in rule}


def in_rules(root: Path) -> Iterator[str]:
    """Yield each rule whose expression cannot be parsed or asks for an unknown metric."""
    known = known_metrics(root)
    for path, rule in rules(root):
        name = rule.get("alert") or rule.get("record")
        yield from (f"{path}: {name}: {fault}" for fault in _faults(rule["expr"], known))


def in_runbooks(root: Path) -> Iterator[str]:
    """Yield each query that a runbook tells somebody at night to ask, and that would not work."""
    known = known_metrics(root)
    for path in files.names(root, RUNBOOKS, "*.md"):
        for quoted in re.findall(r"`([^`\n]+)`", files.text(root, path)):
            if _OURS.search(quoted) and "manage.py" not in quoted and quoted not in _COMMANDS:
                yield from (f"{path}: {fault}" for fault in _faults(quoted, known))


def in_dashboards(root: Path) -> Iterator[str]:
    """Yield each panel, variable or annotation that would show an error or nothing."""
    known, sources = known_metrics(root), datasource_uids(root)
    uids: dict[str, str] = {}
    for path in names(root, DASHBOARDS, "*.json"):
        try:
            board = json.loads(files.text(root, path))
        except json.JSONDecodeError as error:
            yield f"{path}: is not JSON: {error}"
            continue
        if board.get("uid") in uids:
            yield f"{path}: has the uid of {uids[board['uid']]}"
        uids[board.get("uid")] = path
        yield from (f"{path}: {fault}" for fault in _board_faults(board, known, sources))


def provisioning(root: Path) -> Iterator[str]:
    """Yield what Grafana would not find when it starts."""
    if not datasource_uids(root):
        yield f"{DATASOURCES}: declares no datasource with a uid"
    for provider in files.document(root, PROVIDERS).get("providers", []):
        folder = provider.get("options", {}).get("path")
        if folder != _MOUNT:
            yield f"{PROVIDERS}: {folder} is not where {COMPOSE} mounts the dashboards"
    stack = files.text(root, COMPOSE)
    for name in re.findall(rf"{_MOUNT}/([\w.-]+)", stack):
        if not (root / DASHBOARDS / name).is_file():
            yield f"{COMPOSE}: the home page {name} is not in {DASHBOARDS}"


def datasource_uids(root: Path) -> set[str]:
    """Return the uids of the provisioned datasources."""
    document = files.document(root, DATASOURCES)
    return {source["uid"] for source in document.get("datasources", []) if "uid" in source}


def queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a query of a dashboard stands and the query as Grafana would send it."""
    for panel in board.get("panels", []):
        for target in panel.get("targets", []):
            yield f"panel {panel.get('title')!r}", as_sent(target.get("expr", ""))
    for note in board.get("annotations", {}).get("list", []):
        if "expr" in note:
            yield f"annotation {note.get('name')!r}", as_sent(note["expr"])


def as_sent(query: str) -> str:
    """Return `query` with Grafana's own variables replaced by values."""
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    return query


def _board_faults(board: dict[str, Any], known: set[str], sources: set[str]) -> Iterator[str]:
    for key in ("uid", "title"):
        if not board.get(key):
            yield f"has no {key}"
    numbers = [panel.get("id") for panel in board.get("panels", [])]
    if len(numbers) != len(set(numbers)) or not numbers:
        yield "has no panels, or two panels with the same id"
    asked = list(queries(board))
    for place, query in asked:
        yield from (f"{place}: {fault}" for fault in _faults(query, known))
    named = set(re.findall(r'"uid": "([^"]+)"', json.dumps(board))) - {board.get("uid")}
    for uid in sorted(named - sources - {"-- Grafana --"}):
        yield f"names the datasource {uid!r}, which {DATASOURCES} does not declare"


def _faults(query: str, known: set[str]) -> Iterator[str]:
    try:
        asked = metrics_of(query)
    except BadQuery as error:
        yield str(error)
        return
    for name in sorted(asked - known):
        yield f"asks for {name}, which {METRICS} does not list and no rule records"


def _collect(node: Any, found: set[str]) -> bool:
    if isinstance(node, promql_parser.VectorSelector):
        found.add(node.name or "")
    return True
