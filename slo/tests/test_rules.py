"""The generated rules: valid for promtool, firing when they should, equal to the committed ones."""

import shutil
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command

from slo import durations, rules, services
from slo.models import Objective

REPOSITORY = Path(settings.BASE_DIR)
COMMITTED = REPOSITORY / "monitoring/prometheus/rules/slos.yml"
PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool (prometheus) is not on PATH")


@pytest.fixture(scope="module")
def groups():
    return rules.groups(services.unsaved_default_objectives())


def alerts(groups, name):
    return {
        (rule["labels"]["slo"], rule["labels"]["window"]): rule
        for group in groups
        for rule in group["rules"]
        if rule.get("alert") == name
    }


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_committed_file_is_what_the_objectives_say(tmp_path):
    call_command("slo_rules", "--defaults", "--check", "--output", str(COMMITTED))
    edited = tmp_path / "slos.yml"
    edited.write_text(COMMITTED.read_text().replace("0.95", "0.9"))
    with pytest.raises(CommandError, match="run manage"):
        call_command("slo_rules", "--defaults", "--check", "--output", str(edited))


@pytest.mark.django_db
def test_command_writes_the_stored_objectives(fast, tmp_path, capsys):
    path = tmp_path / "slos.yml"
    call_command("slo_rules", "--output", str(path))
    assert {
        rule["labels"]["slo"] for rule in yaml.safe_load(path.read_text())["groups"][0]["rules"]
    }
    call_command("slo_rules", "--output", "-")
    assert capsys.readouterr().out.endswith(path.read_text())


def test_text_is_the_yaml_of_the_groups(groups):
    assert yaml.safe_load(rules.as_yaml(groups)) == {"groups": groups}


def test_tiers_that_cannot_be_reached_are_left_out():
    def factors(target):
        objective = Objective(target_ratio=target, window_seconds=28 * 86_400)
        return [float(tier.factor) for tier in rules.tiers_of(objective)]

    assert factors(Decimal("0.5")) == [1]
    assert factors(Decimal("0.95")) == [14.4, 6, 3, 1]
    assert factors(Decimal("0.9")) == [6, 3, 1]
    assert factors(Decimal(1)) == []


def pairs_of(**fields):
    tiers = rules.tiers_of(Objective(target_ratio=Decimal("0.95"), **fields))
    return [f"{float(tier.factor):g} {tier.long}/{tier.short}" for tier in tiers]


@pytest.mark.parametrize(
    ("hours", "pairs"),
    [
        (28 * 24, ["14.4 1h/5m", "6 6h/30m", "3 1d/2h", "1 3d/6h"]),
        (14 * 24, ["14.4 30m/2m", "6 3h/15m", "3 12h/1h", "1 36h/3h"]),
        (7 * 24, ["14.4 15m/1m", "6 90m/8m", "3 6h/30m", "1 18h/90m"]),
        (24, ["14.4 5m/1m", "6 13m/1m", "3 51m/4m", "1 154m/13m"]),
    ],
)
def test_pairs_of_windows_scale_with_the_objective_s_window(hours, pairs):
    assert pairs_of(window_seconds=hours * 3600) == pairs


def test_pairs_stop_shrinking_at_what_scrapes_can_tell():
    assert pairs_of(window_seconds=3600) == ["6 5m/1m", "3 5m/1m", "1 6m/1m"]


@pytest.mark.parametrize("seconds", [10, 60, 180, 3600, 86_400, 28 * 86_400])
def test_no_pair_is_longer_than_the_objective_s_window(seconds):
    for tier in rules.tiers_of(Objective(target_ratio=Decimal("0.95"), window_seconds=seconds)):
        assert durations.parse(tier.short) <= durations.parse(tier.long)
        assert durations.parse(tier.long) <= timedelta(seconds=max(60, seconds))


def test_chosen_burn_rates_are_the_only_ones_that_alert():
    assert pairs_of(alert_burn_rates=[14.4, 1], window_seconds=3600) == ["14.4 5m/1m", "1 6m/1m"]


def test_every_alert_tells_whom_what_and_where_to_read(groups):
    found = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert {rule["alert"] for rule in found} == {
        "SloBurnRateFast", "SloBurnRateSlow", "SloDataMissing", "SloMissed", "SloNotZero",
    }  # fmt: skip
    for rule in found:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


def test_every_objective_tells_when_it_has_no_data(groups):
    names = {slo for slo, _window in alerts(groups, "SloDataMissing")}
    assert names == {each["name"] for each in services.default_objectives()}


def test_long_windows_are_sums_over_the_raw_counts():
    objectives = [
        Objective(name=str(days), metric="m", target_ratio=Decimal("0.95"), threshold_seconds=1,
                  window_seconds=days * 86_400)
        for days in (1, 28)
    ]  # fmt: skip
    found = {group["name"]: group for group in rules.groups(objectives)}
    expressions = [rule["expr"] for rule in found["slo-counts-long"]["rules"]]
    assert len(expressions) == 2 * 6  # 154m, 1d; 6h, 1d, 3d, 28d
    assert all("sum(increase(" in each for each in expressions)


@needs_promtool
def test_promtool_accepts_the_committed_file():
    code, output = promtool("check", "rules", str(COMMITTED))
    assert code == 0, output


SLOW = 'django_http_requests_latency_seconds_by_view_method_{}{{view="api:tickets",method="GET"{}}}'
ANSWER = 'django_http_responses_total_by_status_view_method_total{{view="api:t",status="{}"}}'
SCENARIOS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "nine of ten slow": (
        {SLOW.format("bucket", ',le="0.35"'): "0+6x120", SLOW.format("count", ""): "0+60x120"},
        {"api-p95": ["SloBurnRateFast", "SloBurnRateSlow", "SloMissed"]},
    ),
    "all fast": (
        {SLOW.format("bucket", ',le="0.35"'): "0+60x120", SLOW.format("count", ""): "0+60x120"},
        {"api-p95": []},
    ),
    "slow but too few to tell": (
        {
            SLOW.format("bucket", ',le="0.35"'): "0x120",
            SLOW.format("count", ""): "0x100 1+1x9 10x9",
        },
        {"api-p95": []},
    ),
    "errors without any before": (
        {ANSWER.format(200): "0+60x120", ANSWER.format(500): "_x60 1+30x59"},
        {"api-errors": ["SloBurnRateFast", "SloBurnRateSlow", "SloMissed"]},
    ),
    "no error at all": ({ANSWER.format(200): "0+60x120"}, {"api-errors": []}),
    "silence": ({}, {"api-errors": ["SloDataMissing"], "api-p95": ["SloDataMissing"]}),
    "a stalled job": (
        {'helpdesk_stalled_jobs{queue="messages"}': "0x100 1x19"},
        {"stalled-jobs": ["SloDataMissing", "SloNotZero"]},
    ),
}


def _firing(slo, wanted):
    """Return a promtool expression that counts which of the alerts fire, and what is expected."""
    expression = f'count by (alertname) (ALERTS{{slo="{slo}",alertstate="firing"}}) > bool 0'
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(wanted)]
    return {"expr": expression, "eval_time": "119m", "exp_samples": expected}


@needs_promtool
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_alerts_fire_exactly_when_they_should(tmp_path, scenario):
    series, wanted = SCENARIOS[scenario]
    document = {
        "rule_files": [str(COMMITTED)],
        "evaluation_interval": "5m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": key, "values": value} for key, value in series.items()],
            "promql_expr_test": [_firing(slo, names) for slo, names in wanted.items()],
        }],
    }  # fmt: skip
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(document))
    code, output = promtool("test", "rules", str(path))
    assert code == 0, output
