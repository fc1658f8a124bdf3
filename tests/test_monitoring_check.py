"""`monitoring.check` passes on this checkout and fails on one mistake planted in each file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from monitoring import check
from monitoring.checks import programs
from monitoring.checks.queries import BadQuery, metrics_of

COVERED = (
    "monitoring",
    ".github",
    "docs/runbooks",
    "docs/how-to",
    "docker-compose.qa.yml",
    "Procfile",
    "Makefile",
    "Dockerfile",
    ".dockerignore",
)
PROMETHEUS = "monitoring/prometheus/prometheus.yml"
PLATFORM = "monitoring/prometheus/rules/platform.yml"
PLATFORM_TEST = "monitoring/prometheus/rules/tests/platform_test.yml"
SLOS = "monitoring/prometheus/rules/slos.yml"
SLOS_TEST = "monitoring/prometheus/rules/tests/slos_test.yml"
ALERTMANAGER = "monitoring/alertmanager/alertmanager.yml"
ROUTING = "monitoring/alertmanager/routing-tests.yml"
TEMPLATE = "monitoring/alertmanager/templates/steadydesk.tmpl"
LEVELS = "monitoring/grafana/dashboards/service-levels.json"
OPERATIONS = "monitoring/grafana/dashboards/helpdesk-operations.json"
DATASOURCE = "monitoring/grafana/provisioning/datasources/prometheus.yml"
PROVIDER = "monitoring/grafana/provisioning/dashboards/steadydesk.yml"
COMPOSE = "docker-compose.qa.yml"
WORKFLOW = ".github/workflows/qa-performance.yml"
RUNBOOK = "docs/runbooks/ChaosActive.md"

# The checks to run, the file, what stands in it, what a careless hand makes of it.
MISTAKES = [
    (
        "configuration and",
        PROMETHEUS,
        "scrape_timeout: 9s",
        "scrape_time: 9s",
    ),
    ("it loads", PROMETHEUS, "rules/*.yml", "rule/*.yml"),
    ("configuration and", PLATFORM, "max by (target, mode) (", "max by (target, mode) (("),
    ("tests of the rules", PLATFORM_TEST, "3x20 4x20", "3x20 3x20"),
    ("tests of the rules", SLOS, "< 0.95", "< 0.59"),
    ("tests of the rules", SLOS_TEST, "value: 0.99", "value: 0.98"),
    ("Alerts", PLATFORM, "severity: page", "severity: urgent"),
    ("Alerts", PLATFORM, "docs/runbooks/ChaosActive.md", "docs/runbooks/Chaos.md"),
    ("Alerts", PLATFORM, "alert: ProviderFailing", "alert: ProviderBroken"),
    ("Rules: known", PLATFORM, "delta(helpdesk_dead_letters{", "delta(helpdesk_dead_leters{"),
    ("Rules: known", "monitoring/metrics.yml", "  chaos_active: gauge\n", ""),
    ("Runbooks", RUNBOOK, "## Impact", "## Effects"),
    ("Runbooks", "docs/runbooks/DeadLettersGrowing.md", "(ProviderFailing.md)", "(Provider.md)"),
    ("Runbooks", "docs/runbooks/SloNotZero.md", "(helpdesk_stalled_jobs)", "(helpdesk_stalled)"),
    ("Alertmanager", ALERTMANAGER, "receiver: heartbeat", "receiver: heartbeats"),
    ("Alertmanager", ALERTMANAGER, 'matchers: [drill="true"]', 'matchers: [drill="yes"]'),
    ("Alertmanager", TEMPLATE, "{{ end -}}", "{{ end "),
    ("it loads", ALERTMANAGER, 'template "steadydesk.html"', 'template "steadydesk.htm"'),
    (
        "Alertmanager",
        ROUTING,
        "receiver: oncall",
        "receiver: x",
    ),
    ("Grafana", DATASOURCE, "uid: steadydesk-prometheus", "uid: prometheus"),
    ("Grafana", PROVIDER, "path: /etc/grafana/dashboards", "path: /etc/dashboards"),
    ("Grafana", LEVELS, "slo_burn_rate", "slo_burnrate"),
    ("Grafana", LEVELS, '"panels": [', '"panels": [,'),
    ("Grafana", OPERATIONS, "sum(helpdesk_dead_letters)", "sum(helpdesk_dead_letters"),
    ("Grafana", OPERATIONS, '"steadydesk-operations"', '"steadydesk-slo"'),
    ("Compose: schema", COMPOSE, "restart: unless-stopped", "restrat: unless-stopped"),
    ("Compose: ref", COMPOSE, "    depends_on:\n      prometheus:", "    depends_on:\n      prom:"),
    ("Compose: ref", COMPOSE, "./monitoring/alertmanager:", "./monitoring/alerts:"),
    ("Compose: ref", COMPOSE, "127.0.0.1:3001:3000", "3001:3000"),
    ("Compose: ref", COMPOSE, "GRAFANA_ADMIN_PASSWORD:?set it", "GRAFANA_ADMIN_PASSWORD:-admin123"),
    ("Compose: ref", COMPOSE, "stop_grace_period: 45s", "stop_grace_period: 10s"),
    ("Compose: ref", COMPOSE, "image: grafana/grafana:12.0.2", "image: grafana/grafana"),
    ("Compose: ref", COMPOSE, "limits: {cpus:", "limits: {cpu:"),
    ("process types", "Procfile", "sweeper: ", "broom: "),
    ("process types", COMPOSE, "requeue_stale --every 1", "requeue_stale --every 60"),
    ("process types", COMPOSE, "hostname: campaigns", "hostname: messages"),
    ("Dockerfile", "Dockerfile", "USER 10001:10001", "USER root"),
    ("Dockerfile", "Dockerfile", "--require-hashes ", ""),
    ("Dockerfile", "Dockerfile", "--from=static", "--from=assets"),
    ("dockerignore", ".dockerignore", "\n*\n", "\n"),
    ("Workflows", WORKFLOW, "runs-on: ubuntu-24.04", "run-on: ubuntu-24.04"),
    ("Workflows", WORKFLOW, "steadydesk:$GITHUB_SHA", "steadydesk:${{ github.head_ref }}"),
    ("Workflow:", WORKFLOW, "make monitoring-check", "make monitoring-chek"),
    ("Workflow:", WORKFLOW, "persist-credentials: false", "persist-credentials: true"),
    (
        "Workflow:",
        WORKFLOW,
        "needs: [build, lint, test, e2e, qa]",
        "needs: [build, lint, test, e2e]",
    ),
    ("Workflow:", WORKFLOW, "    timeout-minutes: 45\n", ""),
    ("Workflow:", WORKFLOW, "de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "v6"),
]
MISSING = [
    ("it loads", PROMETHEUS),
    ("it loads", TEMPLATE),
    ("was seen", PLATFORM_TEST),
    ("Runbooks", RUNBOOK),
    ("Rules: known", "monitoring/metrics.yml"),
    ("Alertmanager", ALERTMANAGER),
    ("provisioning", DATASOURCE),
    ("provisioning", PROVIDER),
    ("provisioning", LEVELS),
    ("Compose", COMPOSE),
    ("process types", "Procfile"),
    ("Dockerfile", "Dockerfile"),
    ("dockerignore", ".dockerignore"),
    ("Workflows", WORKFLOW),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of every file that the check covers, where a mistake harms nobody."""
    for name in COVERED:
        source, target = check.ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def _plant(root: Path, path: str, right: str, wrong: str) -> None:
    text = (root / path).read_text()
    assert right in text, f"{path} no longer contains {right!r}"
    (root / path).write_text(text.replace(right, wrong))


def test_this_checkout_passes_every_check(capsys: Any) -> None:
    assert check.run(check.ROOT) == 0, capsys.readouterr().out
    assert f"{len(check.CHECKS)} of {len(check.CHECKS)} checks passed" in capsys.readouterr().out


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake[1]}: {mistake[2]}")
def test_a_planted_mistake_fails_and_names_its_file(
    checkout: Path, capsys: Any, mistake: tuple[str, str, str, str]
) -> None:
    only, path, right, wrong = mistake
    _plant(checkout, path, right, wrong)

    assert check.run(checkout, only) == 1
    problems = [line for line in capsys.readouterr().out.split("\n") if path in line]
    assert problems, f"no problem names {path}"


@pytest.mark.parametrize(("only", "path"), MISSING)
def test_a_missing_file_fails(checkout: Path, capsys: Any, only: str, path: str) -> None:
    (checkout / path).unlink()

    assert check.run(checkout, only) == 1
    assert Path(path).parent.name in capsys.readouterr().out


def test_a_runbook_without_an_alert_fails(checkout: Path, capsys: Any) -> None:
    shutil.copy(checkout / RUNBOOK, checkout / "docs/runbooks/Forgotten.md")

    assert check.run(checkout, "Runbooks") == 1
    assert "docs/runbooks/Forgotten.md: no alert has this name" in capsys.readouterr().out


def test_a_word_that_no_check_has_is_no_success(checkout: Path) -> None:
    assert check.run(checkout, "Nagios") == 1


@pytest.mark.parametrize("tool", ["promtool", "amtool", "zizmor", "check-jsonschema"])
def test_a_missing_tool_is_named_with_its_package(
    monkeypatch: Any, tmp_path: Path, tool: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    with pytest.raises(programs.ToolMissing, match=rf"{tool} is missing: .*install") as missing:
        programs.find(tool)
    assert "prometheus" in str(missing.value) or "requirements/dev.txt" in str(missing.value)


def test_a_missing_tool_stops_the_check_with_its_own_exit_code(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("sys.argv", ["check", "--only", "Prometheus"])

    assert check.main() == 2
    assert "apt-get install prometheus" in capsys.readouterr().out


def test_the_metrics_of_a_query_are_found_at_any_depth() -> None:
    query = (
        'topk(3, sum by (le) (rate(a_bucket{view=~"api:.*"}[5m])) / b) or max_over_time(c[1h:1m])'
    )
    assert metrics_of(query) == {"a_bucket", "b", "c"}


@pytest.mark.parametrize("query", ["sum(a", "", '{job="x"}', "rate(a)"])
def test_a_query_that_prometheus_would_refuse_is_refused(query: str) -> None:
    with pytest.raises(BadQuery):
        metrics_of(query)
