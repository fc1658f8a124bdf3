"""What k6 says about a service: each way to fail, seen."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest

from tests.load_bench import (
    ROOT,
    Logins,
    NamelessLogins,
    SlowLogins,
    environment,
    find_k6,
    serving,
)


def mutated(folder, script, old, new):
    shutil.copytree(ROOT / "k6", folder)
    path = folder / f"{script}.js"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def run_k6(path, handler, results):
    results.mkdir()
    with serving(handler) as base_url:
        done = subprocess.run(
            [find_k6(), "run", "--quiet", "--address", "", str(path)],
            env=environment(PROFILE="check", BASE_URL=base_url, RESULTS_DIR=str(results)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return done.returncode, json.loads((results / "auth_login.json").read_text()), results


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run auth_login.js once for each case, all at the same time."""
    tmp = tmp_path_factory.mktemp("k6")
    script = ROOT / "k6/auth_login.js"
    mistake = mutated(tmp / "mistake", "auth_login", "if (isIn)", "if (isInn)")
    typo = mutated(tmp / "typo", "auth_login", "tags: ['call:login']", "tags: ['call:lgoin']")
    cases = {
        "good": (script, Logins),
        "slow": (script, SlowLogins),
        "empty answers": (script, NamelessLogins),
        "mistake": (mistake, Logins),
        "typo": (typo, Logins),
    }
    with ThreadPoolExecutor() as pool:
        jobs = {
            name: pool.submit(run_k6, *case, tmp / f"results {name}")
            for name, case in cases.items()
        }
        return {name: job.result() for name, job in jobs.items()}


def missed(result):
    return {row["metric"] for row in result["thresholds"] if not row["ok"]}


def test_good_service_passes(runs):
    code, result, _ = runs["good"]
    assert (code, result["verdict"], missed(result)) == (0, "pass", set())


def test_slow_service_misses_its_latency_and_nothing_else(runs):
    code, result, _ = runs["slow"]
    assert (code, result["verdict"]) == (99, "missed")
    assert missed(result) == {"http_req_duration{phase:steady,call:login}"}


def test_answer_without_content_fails_the_checks(runs):
    code, result, _ = runs["empty answers"]
    assert (code, missed(result)) == (99, {"checks"})


def test_mistake_in_a_script_is_a_broken_run(runs):
    code, result, _ = runs["mistake"]
    assert (code, result["verdict"]) == (110, "broken")


def test_threshold_that_measures_nothing_fails(runs):
    code, result, _ = runs["typo"]
    selector = "{phase:steady,call:lgoin}"
    assert (code, missed(result)) == (99, {f"http_reqs{selector}", f"http_req_duration{selector}"})
    (latency,) = [row for row in result["thresholds"] if row["rule"] == "p(95)<350"]
    assert latency["measured"] == "no data"


def test_junit_has_a_case_per_threshold_and_the_missed_as_failures(runs):
    _, result, results = runs["slow"]
    suite = ET.parse(results / "auth_login.xml").getroot()  # noqa: S314 - we wrote it
    assert int(suite.get("tests", "0")) == len(suite) == len(result["thresholds"])
    assert int(suite.get("failures", "0")) == len(suite.findall("testcase/failure")) == 1
