"""The load scripts promise what the objectives promise; `run.sh` tells the truth about a run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from decimal import Decimal

import pytest

from config.objectives import DEFAULT_OBJECTIVES
from tests.load_bench import ROOT, SCRIPTS, Answer, environment, find_k6, run_sh, serving

PROFILES = json.loads((ROOT / "k6/profiles.json").read_text())


# What is promised


def promised_ms(name):
    (objective,) = [one for one in DEFAULT_OBJECTIVES if one["name"] == name]
    return int(Decimal(objective["threshold_seconds"]) * 1000)


@pytest.mark.parametrize(
    ("limit", "objective"),
    [("http_p95_ms", "api-p95"), ("ws_delivery_p95_ms", "ws-delivery-p95")],
)
def test_limit_equals_the_objective_that_promises_the_same(limit, objective):
    assert PROFILES["limits"][limit] == promised_ms(objective)


def test_ratio_of_failures_equals_the_objective():
    (objective,) = [one for one in DEFAULT_OBJECTIVES if one["name"] == "api-errors"]
    assert Decimal(str(PROFILES["limits"]["failed_ratio"])) == 1 - Decimal(
        objective["target_ratio"]
    )


def test_number_of_users_is_the_one_promised():
    users = {name: script["vus"] for name, script in PROFILES["scripts"].items()}
    assert users == {"auth_login": 10, "tickets_browse": 5, "chat_send": 3}


@pytest.mark.parametrize(
    ("profile", "least_seconds", "most_seconds"),
    [("smoke", 60, 120), ("soak", 600, 900), ("burst", 60, 180)],
)
def test_profile_lasts_as_long_as_promised(profile, least_seconds, most_seconds):
    graceful_end_seconds = 20
    total = sum(step["seconds"] for step in PROFILES["profiles"][profile])
    assert least_seconds <= total <= most_seconds - graceful_end_seconds


@pytest.mark.parametrize("profile", PROFILES["profiles"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_k6_accepts_the_script_and_every_latency_has_a_count_beside_it(script, profile):
    inspected = subprocess.run(
        [find_k6(), "inspect", str(ROOT / f"k6/{script}.js")],
        env=environment(PROFILE=profile),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert inspected.returncode == 0, inspected.stderr
    thresholds = json.loads(inspected.stdout)["thresholds"]
    latencies = [name for name, rules in thresholds.items() if str(rules).count("p(95)")]
    counted = {
        name.partition("{")[2] for name, rules in thresholds.items() if "count>=" in str(rules)
    }
    assert latencies
    assert {name.partition("{")[2] for name in latencies} <= counted


def test_scripts_import_nothing_from_elsewhere():
    for path in (ROOT / "k6").rglob("*.js"):
        assert "import" not in path.read_text() or "://" not in "".join(
            line for line in path.read_text().splitlines() if line.startswith("import")
        )


# What run.sh makes of it


def test_service_that_answers_500_misses_every_promise(tmp_path):
    with serving(Answer) as base_url:
        done = run_sh("check", BASE_URL=base_url, RESULTS_DIR=str(tmp_path / "out"))
    assert done.returncode == 3, done.stdout + done.stderr
    verdicts = dict(line.split()[:2] for line in done.stdout.splitlines()[-4:])
    assert verdicts == {**dict.fromkeys(SCRIPTS, "missed"), "check": "missed"}


def test_nothing_there_is_a_broken_run_and_says_how_to_start():
    with serving(Answer) as base_url:
        pass
    done = run_sh("smoke", BASE_URL=base_url)
    assert done.returncode == 5
    assert "make demo" in done.stderr


@pytest.mark.parametrize(
    "base_url",
    ["http://example.com", "http://localhost:80@example.com", "http://127.0.0.1.evil.test"],
)
def test_other_hosts_are_refused(base_url):
    done = run_sh("smoke", BASE_URL=base_url)
    assert done.returncode == 5
    assert "ALLOW_REMOTE=1" in done.stderr


def test_unknown_profile_is_refused():
    assert run_sh("smok").returncode == 5


def plant_k6(folder, codes, *, writes_results=True):
    """Put a k6 on PATH that ends each script with the given code."""
    folder.mkdir()
    cases = "\n".join(f"  *{script}.js) code={code} ;;" for script, code in codes.items())
    told = 'printf \'{"users": "%s", "ids": "%s"}\' "$K6_USERS" "$K6_IDS"'
    result = '"$RESULTS_DIR/$(basename "$last" .js).json"'
    write = f"{told} >{result}" if writes_results else ":"
    program = folder / "k6"
    program.write_text(
        "#!/usr/bin/env bash\n"
        '[ "$1" = version ] && echo "k6 v9" && exit\n'
        f'last=${{!#}}\ncase $last in\n{cases}\nesac\n{write}\nexit "$code"\n'
    )
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("codes", "writes_results", "expected"),
    [
        ((0, 0, 0), True, 0),
        ((0, 99, 0), True, 3),
        ((0, 0, 110), True, 5),
        ((107, 99, 0), True, 5),
        ((99, 107, 0), True, 5),
        ((0, 0, 0), False, 5),
    ],
)
def test_worst_script_decides(tmp_path, codes, writes_results, expected):
    path = plant_k6(
        tmp_path / "bin", dict(zip(SCRIPTS, codes, strict=True)), writes_results=writes_results
    )
    with serving(Answer) as base_url:
        done = run_sh("smoke", PATH=path, BASE_URL=base_url, RESULTS_DIR=str(tmp_path / "out"))
    assert done.returncode == expected, done.stdout + done.stderr


def test_results_of_an_earlier_run_do_not_count(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for script in SCRIPTS:
        (out / f"{script}.json").write_text('{"verdict": "pass"}')
    path = plant_k6(tmp_path / "bin", dict.fromkeys(SCRIPTS, 0), writes_results=False)
    with serving(Answer) as base_url:
        done = run_sh("smoke", PATH=path, BASE_URL=base_url, RESULTS_DIR=str(out))
    assert done.returncode == 5


def test_running_demo_is_found(tmp_path):
    shutil.copytree(ROOT / "k6", tmp_path / "k6")
    folder = tmp_path / ".run/demo"
    folder.mkdir(parents=True)
    (folder / "accounts.json").write_text("[]")
    path = plant_k6(tmp_path / "bin", dict.fromkeys(SCRIPTS, 0))
    with serving(Answer) as base_url:
        port = base_url.rpartition(":")[2]
        (folder / "env").write_text(f"DATABASE_URL=postgres://x\nPORT={port}\n")
        done = run_sh("smoke", root=tmp_path, PATH=path)
        elsewhere = {"BASE_URL": f"{base_url}/", "RESULTS_DIR": "elsewhere"}
        run_sh("smoke", root=tmp_path, PATH=path, **elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert base_url in done.stdout
    told = json.loads((tmp_path / "out/k6/auth_login.json").read_text())
    assert told == {"users": str(folder / "accounts.json"), "ids": ""}  # there is no ids.json
    told = json.loads((tmp_path / "elsewhere/auth_login.json").read_text())
    assert told == {"users": "", "ids": ""}
