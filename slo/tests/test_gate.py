"""The gate's exit codes, each seen, and its reports."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client import generate_latest

from slo import registry, services
from slo.management.commands import slo_gate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def live_page(settings):
    """Serve this process' counters over HTTP, as the system beside the gate would."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = generate_latest(registry.Counted())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_line):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/metrics"
    settings.SLO = {"METRICS_URL": url}
    yield url
    server.shutdown()
    server.server_close()


def gate(capsys, *options):
    """Run the command; return its exit code and what it printed."""
    with pytest.raises(SystemExit) as exited:
        call_command("slo_gate", *options)
    return exited.value.code, capsys.readouterr().out


@pytest.fixture
def snapshot(fast, tmp_path):
    path = str(tmp_path / "since.json")
    call_command("slo_gate", "--snapshot", path, stdout=StringIO())
    return path


def observe(metrics, *durations_seconds):
    for seconds in durations_seconds:
        metrics.seconds.labels("api:tickets").observe(seconds)


def test_all_met_exits_0(capsys, metrics, snapshot):
    observe(metrics, *[0.35] * 95, *[0.36] * 5)
    code, text = gate(capsys, "--since-snapshot", snapshot)
    assert code == 0
    assert "95 of 100" in text
    assert text.endswith("MET: 1 objectives\n")


def test_missed_exits_3_and_names_the_objective(capsys, metrics, snapshot):
    observe(metrics, *[0.35] * 94, *[0.36] * 6)
    code, text = gate(capsys, "--since-snapshot", snapshot)
    assert code == 3
    assert text.endswith("MISSED: fast\n")


def test_nothing_counted_exits_4(capsys, snapshot):
    code, text = gate(capsys, "--since-snapshot", snapshot)
    assert code == 4
    assert text.endswith("NOT ENOUGH DATA: fast\n")


def test_allowed_no_data_exits_0(capsys, snapshot, fast, errors, metrics):
    metrics.answers.labels("200").inc()
    services.take_snapshot(now=timezone.now() - timedelta(hours=2))
    metrics.answers.labels("200").inc()
    code, text = gate(capsys, "--allow-no-data", "fast")
    assert (code, text.splitlines()[-1]) == (0, "MET: 1 objectives, 1 without data")


def test_too_few_samples_exit_4(capsys, metrics, snapshot):
    observe(metrics, *[0.1] * 19)
    assert gate(capsys, "--since-snapshot", snapshot, "--min-samples", "20")[0] == 4
    observe(metrics, 0.1)
    assert gate(capsys, "--since-snapshot", snapshot, "--min-samples", "20")[0] == 0


def test_no_objective_at_all_exits_4(capsys, no_objectives):
    assert gate(capsys) == (4, "NOT ENOUGH DATA: there is no objective\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--url", "http://127.0.0.1:9/metrics"],
        ["--since-snapshot", "/nowhere/since.json"],
        ["--baseline", "/nowhere/report.json"],
    ],
)
def test_unreadable_source_exits_5(capsys, fast, options):
    code, text = gate(capsys, *options)
    assert code == 5
    assert text.startswith("SOURCE UNAVAILABLE: ")


def test_down_database_exits_5(capsys, fast):
    def refuse(*_query):
        raise OperationalError("the database is down")

    with connection.execute_wrapper(refuse):
        code, text = gate(capsys)
    assert (code, text) == (5, "SOURCE UNAVAILABLE: the database is down\n")


def test_unknown_objective_is_a_wrong_call(fast):
    for option in ("--objective", "--allow-no-data"):
        with pytest.raises(CommandError, match="no enabled objective typo") as raised:
            call_command("slo_gate", option, "typo")
        assert raised.value.returncode == 2


def test_before_without_after_is_a_wrong_call():
    with pytest.raises(CommandError, match="go together") as raised:
        call_command("slo_gate", "--before", "x")
    assert raised.value.returncode == 2


@pytest.mark.parametrize("text", ["0s", "5", "1w", "-5m"])
def test_windows_that_are_none_are_refused(text):
    with pytest.raises(Exception, match="no duration"):
        slo_gate.duration(text)


def test_saved_pages_are_compared_exactly(capsys, fast, metrics, tmp_path):
    pages = [tmp_path / "before.prom", tmp_path / "after.prom"]
    observe(metrics, 9, 9, 9)
    pages[0].write_bytes(generate_latest(registry.Counted()))
    observe(metrics, 0.2, 0.2)
    pages[1].write_bytes(generate_latest(registry.Counted()))
    code, text = gate(capsys, "--before", str(pages[0]), "--after", str(pages[1]))
    assert code == 0
    assert "2 of 2" in text


def test_page_that_is_no_metrics_exits_5(capsys, fast, tmp_path):
    page = tmp_path / "before.prom"
    page.write_text("<html>502 Bad Gateway</html>\n")
    assert gate(capsys, "--before", str(page), "--after", str(page))[0] == 5


def test_window_counts_stored_snapshots_until_now(capsys, fast, metrics):
    observe(metrics, 9, 9, 9)
    services.take_snapshot(now=timezone.now() - timedelta(seconds=61))
    observe(metrics, 0.2)
    code, text = gate(capsys, "--window", "60s")
    assert code == 0
    assert "1 of 1" in text


def test_json_report_is_complete_and_serves_as_baseline(capsys, metrics, snapshot, tmp_path):
    report = tmp_path / "report.json"
    observe(metrics, 0.1, 0.1, 9, 9)
    options = ("--since-snapshot", snapshot, "--format", "json")
    assert gate(capsys, *options, "--output", str(report))[0] == 3
    (found,) = json.loads(report.read_text())["objectives"]
    assert (found["good"], found["total"], found["ratio"], found["state"]) == (2, 4, 0.5, "missed")
    assert found["budget_remaining"] == -9
    assert found["quantile_bracket_seconds"] == [1.0, None]
    observe(metrics, *[0.1] * 6)
    text = gate(capsys, *options, "--baseline", str(report))[1]
    assert json.loads(text)["objectives"][0]["ratio_change"] == pytest.approx(0.3)


def test_json_report_tells_an_error(capsys, fast):
    code, text = gate(capsys, "--url", "http://127.0.0.1:9/metrics", "--format", "json")
    document = json.loads(text)
    assert document["exit_code"] == code == 5
    assert document["verdict"] == "source_unavailable"
    assert document["error"]


@pytest.mark.parametrize(
    "case",
    [
        (0.1, [], None),
        (9, [], "failure"),
        (None, [], "error"),
        (None, ["--allow-no-data", "fast"], "skipped"),
    ],
)
def test_junit_tells_each_verdict(capsys, metrics, snapshot, case):
    seconds, options, tag = case
    if seconds:
        observe(metrics, seconds)
    text = gate(capsys, "--since-snapshot", snapshot, "--format", "junit", *options)[1]
    suite = ET.fromstring(text)  # noqa: S314 - our own text
    assert [child.tag for child in suite.iterfind("testcase/*")] == ([tag] if tag else [])
    counts = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    assert {name: suite.get(name) for name in counts.values()} == {
        name: str(int(each == tag)) for each, name in counts.items()
    }


def test_junit_of_an_error_holds_an_error(capsys, no_objectives):
    suite = ET.fromstring(gate(capsys, "--format", "junit")[1])  # noqa: S314 - our own text
    (error,) = suite.findall("testcase/error")
    assert error.get("message") == "NOT ENOUGH DATA: there is no objective"
    assert suite.get("errors") == "1"


def test_markdown_is_a_table_with_the_verdict(capsys, metrics, snapshot):
    observe(metrics, 9)
    text = gate(capsys, "--since-snapshot", snapshot, "--format", "markdown")[1]
    assert text.startswith("**MISSED: fast**\n")
    assert "| missed | fast | 95 % within 350 ms. | 0 of 1 | 0.00 % |" in text


def test_report_never_judges_its_caller(capsys, fast, metrics):
    services.take_snapshot(now=timezone.now() - timedelta(hours=2))
    observe(metrics, 9)
    call_command("slo_report", "--format", "json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "missed"


@pytest.mark.parametrize(
    "case",
    [
        (3, [], 0),  # 1 % was slow and 3 % are: three times as much, and two points
        (4, ["--max-worse-absolute", "0.01"], 3),
        (4, ["--max-worse-absolute", "0.05"], 0),
        (4, ["--max-worse-relative", "9"], 0),
    ],
)
def test_worse_than_the_baseline_fails_only_beyond_both_margins(
    capsys, fast, metrics, tmp_path, case
):
    slow, options, code = case
    report, files = tmp_path / "report.json", [str(tmp_path / f"{n}.json") for n in range(3)]
    for place, bad in enumerate((0, 1, slow)):
        observe(metrics, *[9] * bad, *[0.1] * (100 - bad))
        call_command("slo_gate", "--snapshot", files[place])
    before, between, after = files
    capsys.readouterr()
    gate(
        capsys, "--before", before, "--after", between, "--format", "json", "--output", str(report)
    )
    sides = ("--before", between, "--after", after)
    margins = ["--max-worse-absolute", "0.025", *options]
    found, text = gate(capsys, *sides, "--baseline", str(report), *margins)
    assert found == code
    assert ("REGRESSED: fast" in text) == (code == 3)
    junit = gate(capsys, *sides, "--baseline", str(report), *margins, "--format", "junit")[1]
    assert ("<failure" in junit) == (code == 3)


@pytest.mark.parametrize("share", ["-1", "much", "inf"])
def test_margin_that_is_no_share_is_a_wrong_call(fast, share):
    with pytest.raises(CommandError, match="is not a share"):
        call_command("slo_gate", f"--max-worse-absolute={share}")
