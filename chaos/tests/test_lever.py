"""The file that stops everything, with the database alive and with it dead."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chaos import control, services
from chaos.models import AuditEntry, Fault
from chaos.tests.conftest import ACTOR, BASE, armed_names, wait_until


@pytest.fixture
def stop_file(tmp_path, chaos_settings):
    path = tmp_path / "stop"
    chaos_settings(STOP_FILE=str(path))
    return path


def test_file_ends_every_fault_and_the_audit_says_so(inject, stop_file, running_control):
    faults = [inject("latency", "slow"), inject("provider", "429")]
    wait_until(lambda: len(armed_names()) == 2, 30)
    stop_file.touch()
    wait_until(lambda: not armed_names(), 30)
    halted = AuditEntry.objects.filter(action="halted")
    wait_until(lambda: halted.count() == 2, 30)
    assert {entry.fault_id for entry in halted} == {fault.pk for fault in faults}
    assert {(entry.actor, entry.reason) for entry in halted} == {
        ("stop file", f"{stop_file} exists")
    }
    assert set(Fault.objects.values_list("end", flat=True)) == {"halted"}


def test_file_works_with_the_database_dead(inject, stop_file, forwarder, monkeypatch):
    monkeypatch.setattr(
        control, "DEAD_MAN_SECONDS", 3600.0
    )  # so that it cannot be the file's merit
    inject("latency", "slow", ttl_seconds=600)
    control.ensure_running()
    wait_until(lambda: armed_names() == ["latency/slow"], 30)
    forwarder.shut()
    stop_file.touch()
    wait_until(lambda: not armed_names(), 30)
    assert not AuditEntry.objects.filter(action="halted").exists()
    forwarder.open()
    wait_until(AuditEntry.objects.filter(action="halted").exists, 30)


@pytest.mark.django_db
def test_nothing_is_armed_while_the_file_exists(api, stop_file, capsys):
    stop_file.touch()
    refused = api.post(f"{BASE}/latency", {"mode": "slow"}, format="json")
    assert refused.status_code == 409
    assert str(stop_file) in refused.content.decode()
    with pytest.raises(CommandError, match="Everything is stopped"):
        call_command("chaos", "inject", "latency", "slow")
    assert not Fault.objects.exists()
    call_command("chaos", "list")
    assert f"{stop_file} exists" in capsys.readouterr().out
    stop_file.unlink()
    assert api.post(f"{BASE}/latency", {"mode": "slow"}, format="json").status_code == 201


@pytest.mark.django_db
def test_halting_ends_only_what_it_names_and_counts_what_held():
    def arm():
        return services.inject_fault(
            target="latency",
            mode="slow",
            ttl_seconds=60,
            metadata={},
            actor=ACTOR,
            now=timezone.now(),
        )

    ours, theirs = arm(), arm()
    halted = services.halt_faults(
        fault_ids=[ours.pk], actor=ACTOR, now=timezone.now(), reason="error rate over 5 %"
    )
    assert halted == 1
    theirs.refresh_from_db()
    assert theirs.is_active
    assert AuditEntry.objects.get(action="halted").reason == "error rate over 5 %"
