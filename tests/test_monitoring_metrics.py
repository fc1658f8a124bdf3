"""Rules and dashboards ask only for what the running code exposes, at edges it really has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from django.core.management import get_commands
from django.test import Client
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from monitoring.check import ROOT
from monitoring.checks import alerts, files, queries
from slo import gauges
from slo.instruments import celery

# Prometheus makes these itself, one set a target.
NOT_OURS = "prometheus"


@pytest.fixture
def exposed(db, client: Client) -> list[Metric]:
    """What a scrape shows after one request and one job."""
    client.get("/api/v1/tickets")
    celery.QUEUE_LAG.labels("messages").observe(0.1)
    gauges.CHECKS.labels("stalled-jobs", "zero").inc()
    return list(text_string_to_metric_families(client.get("/metrics").content.decode()))


def _kinds(families: Iterable[Metric]) -> dict[str, str]:
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in families
    }


def test_every_listed_metric_is_exposed_with_its_type(exposed):
    kinds = _kinds(exposed)
    for group, listed in files.document(ROOT, queries.METRICS).items():
        if group != NOT_OURS:
            assert {name: kinds.get(name) for name in listed} == listed


def _asked_edges() -> set[tuple[str, str]]:
    texts = [rule["expr"] for _, rule in alerts.rules(ROOT)]
    for path in files.names(ROOT, queries.DASHBOARDS, "*.json"):
        texts += [query for _, query in queries.queries(json.loads(files.text(ROOT, path)))]
    return {
        (name, edge)
        for text in texts
        for name, edge in re.findall(r'(\w+_bucket)\{[^}]*le="([^"]+)"', text)
    }


def test_every_command_that_a_runbook_names_exists():
    pages = [*files.names(ROOT, alerts.RUNBOOKS, "*.md"), "docs/how-to/monitor.md"]
    named = {
        command
        for page in pages
        for command in re.findall(r"manage\.py (\w+)", files.text(ROOT, page))
    }
    assert {"chaos", "slo_report"} <= named
    assert named <= set(get_commands())


def test_every_threshold_that_is_asked_for_is_the_edge_of_a_bucket(exposed):
    edges = {
        (sample.name, sample.labels["le"])
        for family in exposed
        for sample in family.samples
        if "le" in sample.labels
    }
    asked = _asked_edges()
    assert ("django_http_requests_latency_seconds_by_view_method_bucket", "0.35") in asked
    assert asked <= edges
