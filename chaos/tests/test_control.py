"""Faults reach every process, and leave it, whatever happens to the database."""

import math
import time

import pytest
from django.utils import timezone

from chaos import control, kernel, services
from chaos.models import AuditEntry, Fault
from chaos.tests.conftest import ACTOR, armed_names, other_process, read_json, wait_until


def test_fault_is_seen_in_another_process_within_a_second(inject):
    with other_process("-m", "chaos.tests.watcher", "30") as process:
        assert read_json(process)["armed"] == []
        asked_at = time.time()
        fault = inject("latency", "slow")
        seen = read_json(process)
        assert seen["armed"] == ["latency/slow"]
        assert seen["at"] - asked_at < 1
        asked_at = time.time()
        services.clear_fault(fault_id=fault.pk, actor=ACTOR, now=timezone.now())
        seen = read_json(process)
        assert seen["armed"] == []
        assert seen["at"] - asked_at < 1


def test_news_does_not_wait_for_the_poll(inject, chaos_settings, monkeypatch):
    monkeypatch.setattr(control, "POLL_SECONDS", 6.0)
    chaos_settings(CONTROL_IN_TESTS=True)
    control.ensure_running()
    wait_until(lambda: math.isfinite(kernel.VALID_UNTIL), 2)
    inject("latency", "slow")
    assert wait_until(lambda: armed_names() == ["latency/slow"], 2) < control.POLL_SECONDS


def test_a_change_by_hand_is_heard_too(inject, running_control):
    fault = inject("latency", "slow")
    wait_until(lambda: armed_names() == ["latency/slow"], 1)
    Fault.objects.filter(pk=fault.pk).delete()
    wait_until(lambda: not armed_names(), 1)
    assert not kernel.active()


def test_process_with_a_control_thread_still_ends(transactional_db):
    with other_process("-m", "chaos.tests.watcher", "0.5") as process:
        assert process.wait(timeout=20) == 0


def test_ttl_ends_a_fault_with_the_database_gone(inject, forwarder):
    inject("latency", "slow", ttl_seconds=2)
    control.ensure_running()
    wait_until(lambda: armed_names() == ["latency/slow"], 2)
    deadline = kernel.active()[0].deadline
    forwarder.shut()
    wait_until(lambda: not armed_names(), 3)
    assert time.monotonic() - deadline < 0.5


def test_faults_end_three_seconds_after_the_database_went(inject, forwarder):
    inject("latency", "slow", ttl_seconds=60)
    control.ensure_running()
    wait_until(lambda: armed_names() == ["latency/slow"], 2)
    deadline = kernel.active()[0].deadline
    forwarder.shut()
    took_seconds = wait_until(lambda: not armed_names(), 4)
    assert 1.5 < took_seconds < 3.5
    forwarder.open()
    wait_until(lambda: armed_names() == ["latency/slow"], 4)
    assert kernel.active()[0].deadline == pytest.approx(deadline, abs=0.2)


def test_restart_does_not_prolong_a_fault(inject, running_control):
    inject("latency", "slow", ttl_seconds=60)
    wait_until(armed_names, 1)
    deadline = kernel.active()[0].deadline
    control.stop()
    assert armed_names() == []
    time.sleep(0.5)
    control.ensure_running()
    wait_until(armed_names, 2)
    assert kernel.active()[0].deadline == pytest.approx(deadline, abs=0.2)


def test_expiry_is_audited_once_by_many_processes(inject, running_control):
    with other_process("-m", "chaos.tests.watcher", "30") as process:
        assert read_json(process)["armed"] == []
        fault = inject("latency", "slow", ttl_seconds=1)
        expired = AuditEntry.objects.filter(fault_id=fault.pk, action="expired")
        wait_until(expired.exists, 5)
        time.sleep(1.2)
    assert expired.count() == 1
    assert expired.get().actor == "clock"
    fault.refresh_from_db()
    assert (fault.end, fault.ended_at) == ("expired", fault.expires_at)


def test_first_n_is_counted_across_processes(inject, running_control):
    wait_until(lambda: math.isfinite(kernel.VALID_UNTIL), 2)
    inject("latency", "slow", firstN=3)
    with other_process("-m", "chaos.tests.picker", "2") as process:
        elsewhere = read_json(process)["hits"]
    wait_until(armed_names, 1)
    here = sum(kernel.pick("latency") is not None for _ in range(5))
    assert elsewhere + here == 3


def test_production_arms_nothing_whatever_rows_say(inject, chaos_settings):
    inject("latency", "slow")
    chaos_settings(ENVIRONMENT="production", CONTROL_IN_TESTS=True)
    with control.connect() as connection:
        control.refresh(connection)
    assert kernel.ARMED == {}
    control.ensure_running()
    assert control._control is None


def test_fork_leaves_the_parents_socket_alone_and_learns_by_itself(inject, redis_server):
    inject("redis", "down")
    with other_process("-m", "chaos.tests.forker", str(redis_server.port)) as process:
        told = read_json(process)
    assert told == {"begins_empty": True, "names": ["redis/down"], "parent": "b'PONG'"}


def test_no_control_thread_runs_in_tests_that_did_not_ask(transactional_db):
    control.ensure_running()
    assert control._control is None


def test_control_reads_as_itself_and_not_as_the_application(running_control):
    wait_until(lambda: math.isfinite(kernel.VALID_UNTIL), 2)
    with control.connect() as connection:
        names = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'chaos-control'"
            " and datname = current_database() and pid <> pg_backend_pid()"
        ).fetchone()
    assert names is not None
    assert names[0] >= 1
