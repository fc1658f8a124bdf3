"""`manage.py run_experiment`, its reports, and its runs in the admin."""

import json
import signal
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from chaos.experiments import reports, runner
from chaos.models import ExperimentEvent, ExperimentRun, Fault
from chaos.tests import probing

DEFINITION = """
title = "A trial"
hypothesis = "It answers."
observe_seconds = 0.3
recover_within_seconds = {recover}
every_seconds = 0.1
[[steps]]
target = "latency"
mode = "slow"
ttl_seconds = 30
[[expect]]
says = "It answers"
probe = "{probe}"
"""


@pytest.fixture
def folder(tmp_path, chaos_settings, monkeypatch):
    """The project's experiments: one for each verdict."""
    monkeypatch.setattr(runner, "_HITS_SECONDS", 0.2)  # their hits are counted at once
    for name, probe in (
        ("holds", "holds"),
        ("breaks", "breaks"),
        ("unhit", "unhit"),
        ("unsteady", "unsteady"),
    ):
        (tmp_path / f"{name}.toml").write_text(DEFINITION.format(probe=probe, recover=30))
    chaos_settings(EXPERIMENTS=str(tmp_path), PROBES="chaos.tests.probing.PROBES")
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        call_command("run_experiment", *arguments)
    return ended.value.code, capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "code", "verdict"),
    [
        ("holds", 0, "PASSED"),
        ("breaks", 3, "DEVIATED: Did not hold while broken: It answers"),
        ("unhit", 4, "INCONCLUSIVE"),
        ("unsteady", 5, "ABORTED: Not steady before"),
    ],
)
def test_exit_code_says_the_verdict(capsys, folder, name, code, verdict):
    ended, out = run(capsys, name)
    assert ended == code
    assert out.splitlines()[-1].startswith(verdict)
    assert ExperimentRun.objects.get().name == name


@pytest.mark.django_db
def test_report_comes_in_four_shapes(capsys, folder, tmp_path):
    _code, out = run(capsys, str(folder / "breaks.toml"), "--format", "json")
    document = json.loads(out)
    assert (document["status"], document["exit_code"]) == ("deviated", 3)
    assert document["lines"][0]["during"]["good"] == 0
    assert document["timeline"][0]["text"] == "Gating"
    stored = ExperimentRun.objects.get()
    suite = ElementTree.fromstring(reports.render(stored, "junit"))  # noqa: S314 - our own
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    counts = stored.lines[0]["during"]["total"]
    assert f"| 0 of {counts} | " in reports.render(stored, "markdown")
    assert f"during 0 of {counts} (wanted: all)" in reports.render(stored, "text")
    assert "last problem: " in reports.render(stored, "text")
    assert f"during 0 of {counts}" in suite.findall(".//failure")[0].attrib["message"]
    target = tmp_path / "out" / "report.xml"
    _code, out = run(capsys, "unsteady", "--format", "junit", "--output", str(target))
    suite = ElementTree.fromstring(target.read_text())  # noqa: S314 - our own
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert "Not steady" in out


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "one of breaks, holds, unhit, unsteady"),
        (("/nowhere/at-all.toml",), "no file"),
        ((), "Name an experiment"),
    ],
)
def test_what_is_not_there_is_refused(folder, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("run_experiment", *arguments)
    assert not ExperimentRun.objects.exists()


@pytest.mark.django_db
def test_broken_file_is_refused(folder):
    (folder / "broken.toml").write_text("title = ")
    with pytest.raises(CommandError, match=r"broken\.toml"):
        call_command("run_experiment", str(folder / "broken.toml"))


def test_list_names_what_there_is(capsys, folder):
    call_command("run_experiment", "--list")
    assert "holds                    A trial" in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_run_and_its_fault(capsys, folder, number, monkeypatch):
    def strike(_memory):
        if Fault.objects.filter(ended_at__isnull=True).exists():
            signal.raise_signal(number)
        return True

    before = signal.getsignal(number)
    monkeypatch.setitem(probing.PROBES, "holds", strike)
    ended, out = run(capsys, "holds", "--format", "json")
    assert (ended, json.loads(out)["status"]) == (5, "interrupted")
    assert Fault.objects.get().end == "cleared"
    assert signal.getsignal(number) is before


@pytest.mark.django_db
@pytest.mark.usefixtures("minimal_urls")
def test_admin_shows_the_runs_and_the_timeline(capsys, client, owner, folder):
    run(capsys, "breaks")
    stored = ExperimentRun.objects.get()
    client.force_login(owner)
    listed = client.get("/admin/chaos/experimentrun/").content.decode()
    assert "A trial" in listed
    assert "Deviated" in listed
    story = client.get(f"/admin/chaos/experimentrun/{stored.pk}/change/").content.decode()
    for event in ExperimentEvent.objects.all():
        assert event.text.split(":")[0] in story
    assert 'data-status="deviated"' in story
    assert client.post(f"/admin/chaos/experimentrun/{stored.pk}/change/", {}).status_code == 403
