"""Blocks of a real promtool in a real Prometheus: charts see them, rules and gates do not."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import subprocess
import time
from datetime import timedelta

import httpx
import pytest
from django.core.management import CommandError, call_command

from helpdesk.models import Ticket
from monitoring.check import ROOT
from monitoring.checks import alerts, files, queries
from qa_seed import backfill
from qa_seed.telemetry import incident_of
from qa_seed.tests.nowhere import NOW, plan
from slo import selections, selectors, services, sources

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not on PATH")
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus is not on PATH"
)
OBJECTIVES = services.unsaved_default_objectives()
MOMENTS = backfill.moments(NOW, real_now=NOW, days=2)
_INCIDENT = incident_of(plan(), MOMENTS[0], MOMENTS[-1])
WORST = _INCIDENT.start + timedelta(minutes=90)


def write(folder, *, moments=MOMENTS, **changes):
    told: list[int] = []
    new = backfill.write(folder, plan(**changes), moments, OBJECTIVES, tell=told.append)
    return new, sum(told)


def blocks(folder):
    return sorted(each.parent.name for each in folder.glob("*/meta.json"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Fill a server's data folder with two days."""
    folder = tmp_path_factory.mktemp("prometheus") / "data"
    assert write(folder) == (len(blocks(folder)), len(MOMENTS))
    return folder


@pytest.fixture(scope="module")
def server(data):
    """Run Prometheus over the back-filled blocks; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = data.parent / "prometheus.yml"
    config.write_text("global: {scrape_interval: 10s}\n")
    process = subprocess.Popen(
        [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address={address}",
            "--log.level=error",
        ]
    )  # fmt: skip
    try:
        wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(url):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/-/ready", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("Prometheus was not ready within 90 s")


def ask(url, query, at=WORST):
    answer = httpx.get(
        f"{url}/api/v1/query", params={"query": query, "time": at.timestamp()}, timeout=30
    )
    assert answer.is_success, answer.text
    return answer.json()["data"]["result"]


def without_exclusion(query):
    return re.sub(r',?source!="synthetic"', "", query)


@needs_prometheus
def test_a_server_has_the_series_with_their_mark(server):
    (lag,) = ask(server, "sum by (source) (rate(celery_queue_lag_seconds_count[30m]))")
    assert lag["metric"] == {"source": "synthetic"}
    assert float(lag["value"][1]) > 0
    assert ask(server, "helpdesk_tickets", at=NOW - timedelta(hours=2, minutes=50)) == []


@needs_prometheus
def test_the_slo_source_has_no_data_where_only_synthetic_series_are(server, monkeypatch):
    source = sources.PrometheusServer(url=server)
    judged = selectors.evaluate_with(source, OBJECTIVES, now=WORST, window=timedelta(hours=6))
    assert {each.name: each.state for each in judged} == {
        each.name: "no_data" for each in OBJECTIVES
    }
    # They are there, and would be judged if they were not marked.
    monkeypatch.setattr(selections, "measured", selections.selector)
    judged = selectors.evaluate_with(source, OBJECTIVES, now=WORST, window=timedelta(hours=6))
    assert "no_data" not in {each.state for each in judged}
    assert "missed" in {each.state for each in judged}


@needs_prometheus
@pytest.mark.django_db
def test_the_gate_has_not_enough_data(server, settings):
    services.ensure_default_objectives()
    settings.SLO = {**settings.SLO, "PROMETHEUS_URL": server}
    with pytest.raises(SystemExit) as ended:
        call_command("slo_gate", "--window=30d", stdout=io.StringIO())
    assert ended.value.code == 4


@needs_prometheus
def test_no_rule_counts_a_synthetic_series(server):
    asked = 0
    for path, rule in alerts.rules(ROOT):
        unguarded = without_exclusion(rule["expr"])
        if unguarded != rule["expr"]:
            asked += bool(ask(server, unguarded))
            assert ask(server, rule["expr"]) == [], (path, rule)
    assert asked > 20


@needs_prometheus
def test_every_rule_over_a_synthetic_metric_leaves_it_out(server):
    known = {each["metric"]["__name__"] for each in ask(server, '{source="synthetic"}')}
    assert "helpdesk_dead_letters" in known
    for path, rule in alerts.rules(ROOT):
        if queries.metrics_of(rule["expr"]) & known:
            assert 'source!="synthetic"' in rule["expr"], (path, rule)


@needs_prometheus
def test_dashboards_show_the_incident(server):
    shown = {}
    for path in files.names(ROOT, queries.DASHBOARDS, "*.json"):
        for place, query in queries.queries(json.loads(files.text(ROOT, path))):
            # What Grafana makes of a week's width, and of a "now" that is the present.
            shown[place] = ask(server, re.sub(r"\[\w+\]", "[30m]", query))
    for title in (
        "Error budget left", "Queue lag (≈ P95)", "Jobs that start on time", "Tickets by status",
        "Provider calls by outcome", "API latency (estimated between bucket edges)", "Burn rate",
        "Messages by status", "WebSocket delivery (≈ P95)", "API answers by status",
    ):  # fmt: skip
        assert shown[f"panel {title!r}"], title


@needs_promtool
def test_a_second_run_adds_no_block_and_another_desk_is_refused(data):
    before = blocks(data)
    assert write(data) == (0, 0)
    assert blocks(data) == before
    with pytest.raises(backfill.BackfillRefused, match="another desk"):
        write(data, seed=7)


@needs_promtool
def test_an_interrupted_run_leaves_no_block_and_is_finished_by_the_next(tmp_path, monkeypatch):
    few = MOMENTS[:2] + MOMENTS[-2:]

    def stop(_note, _plan):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(backfill, "_write_note", stop)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, moments=few)
    assert blocks(tmp_path) == []
    assert write(tmp_path, moments=few) == (2, 4)
    assert len(blocks(tmp_path)) == 2


@needs_promtool
def test_text_that_promtool_refuses_is_told_in_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(backfill, "texts", lambda *_: [(iter(["no metric\n"]), 1)])
    with pytest.raises(backfill.BackfillRefused, match=r"promtool refused the metrics:\n.*pars"):
        write(tmp_path)


@needs_promtool
def test_the_command_fills_the_folder_once(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(backfill, "moments", lambda *_, **__: MOMENTS[:3])
    assert "1 blocks of synthetic metrics are new in" in seed(tickets=3, with_metrics=tmp_path)
    assert "0 blocks of synthetic metrics are new in" in seed(tickets=3, with_metrics=tmp_path)
    assert len(blocks(tmp_path)) == 1


@needs_promtool
def test_a_dry_run_writes_no_metrics(seed, tmp_path):
    seed(tickets=3, with_metrics=tmp_path, dry_run=True)
    assert list(tmp_path.iterdir()) == []


def test_without_promtool_nothing_is_written(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="apt-get install prometheus"):
        seed(tickets=3, with_metrics=tmp_path / "data")
    assert not Ticket.objects.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["with_metrics", "dry_run"])
def test_what_makes_no_sense_beside_wipe_is_refused(seed, tmp_path, option):
    with pytest.raises(CommandError, match=f"--wipe and --{option.replace('_', '-')} together"):
        seed(wipe=True, **{option: tmp_path})
