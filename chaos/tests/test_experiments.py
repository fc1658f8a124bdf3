"""The runner: states, verdicts, halts, and a rollback that nothing prevents."""

import datetime as dt

import pytest
from django.utils import timezone

from chaos import services
from chaos.experiments import runner
from chaos.experiments.clock import Clock
from chaos.experiments.definition import Experiment, InvalidExperiment
from chaos.experiments.journal import AnotherRun
from chaos.experiments.runner import Interrupted
from chaos.guard import ChaosForbidden
from chaos.models import AuditEntry, ExperimentRun, Fault
from chaos.tests.conftest import ACTOR

pytestmark = pytest.mark.django_db
Status = ExperimentRun.Status


class FakeClock(Clock):
    """Time passes only when the runner sleeps, and things happen at their second."""

    def __init__(self):
        self.start = timezone.now()
        self.seconds = 0.0
        self.plan = []

    def now(self):
        return self.start + dt.timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds
        due = [each for each in self.plan if each[0] <= self.seconds]
        self.plan = [each for each in self.plan if each[0] > self.seconds]
        for _at, happen in due:
            happen()


@pytest.fixture
def clock():
    return FakeClock()


def experiment(**changes):
    given = {
        "title": "Latency",
        "hypothesis": "Nothing is lost.",
        "observe_seconds": 5,
        "recover_within_seconds": 6,
        "steps": [{"target": "latency", "mode": "slow", "ttl_seconds": 60}],
        "expect": [{"probe": "answers", "says": "It answers"}],
    }
    return Experiment.parse("trial", {**given, **changes})


def is_faulted():
    return Fault.objects.filter(ended_at__isnull=True).exists()


def hit():
    Fault.objects.update(hits=1)


def steady(_memory):
    hit()
    return True


def run(clock, probe=steady, **changes):
    return runner.run(experiment(**changes), actor=ACTOR, probes={"answers": probe}, clock=clock)


def texts(result):
    return [event.text for event in result.events.all()]


def test_run_passes_through_the_states_and_is_stored(clock):
    result = run(clock)
    assert (result.status, result.hits) == (Status.PASSED, 1)
    stored = ExperimentRun.objects.get()
    assert [text.split(":")[0] for text in texts(stored)] == [
        "Gating",
        "Injecting",
        "latency/slow armed for at most 60 s",
        "Observing",
        "All faults of the experiment are over",
        "Recovering",
        "Passed",
    ]
    line = stored.lines[0]
    assert (line["before"]["total"], line["during"]["total"]) == (2, 5)
    assert not is_faulted()
    assert stored.definition["steps"][0]["target"] == "latency"


def test_recovery_is_measured_from_the_end_of_the_fault(clock):
    def fails_until_four_seconds_after(_memory):
        hit()
        fault = Fault.objects.first()
        if fault is None or fault.ended_at is None:
            return True
        return clock.now() >= fault.ended_at + dt.timedelta(seconds=4)

    result = run(clock, fails_until_four_seconds_after)
    assert (result.status, result.mttr_seconds) == (Status.PASSED, 4.0)


def test_too_slow_a_recovery_deviates(clock):
    def never_again(_memory):
        hit()
        return not Fault.objects.filter(ended_at__isnull=False).exists()

    result = run(clock, never_again)
    assert result.status == Status.DEVIATED
    assert "Not recovered within 6 s: It answers" in result.reason
    assert result.mttr_seconds is None


@pytest.mark.parametrize(("wanted", "status"), [(1.0, Status.DEVIATED), (0.5, Status.PASSED)])
def test_share_that_must_hold_during_the_fault_decides(clock, wanted, status):
    def every_other_time(memory):
        hit()
        memory["asked"] = memory.get("asked", 0) + is_faulted()
        return not is_faulted() or memory["asked"] % 2

    line = {"probe": "answers", "says": "It answers", "during": wanted}
    result = run(clock, every_other_time, expect=[line])
    assert result.status == status
    assert result.lines[0]["during"] == {
        "good": 3, "total": 5, "problem": "answers holds, but it was 0",
    }  # fmt: skip


def test_no_hit_is_inconclusive_whatever_held(clock):
    assert run(clock, lambda _memory: True).status == Status.INCONCLUSIVE
    assert run(clock, lambda _memory: not is_faulted()).status == Status.INCONCLUSIVE


def test_unsteady_system_is_not_broken_further(clock):
    result = run(clock, lambda _memory: 1 / 0)
    assert result.status == Status.ABORTED
    assert "Not steady before: It answers (ZeroDivisionError" in result.reason
    assert not Fault.objects.exists()


def test_foreign_fault_stops_the_gate(clock):
    services.inject_fault(
        target="provider", mode="429", ttl_seconds=60, metadata={}, actor=ACTOR, now=clock.now()
    )
    result = run(clock)
    assert result.status == Status.ABORTED
    assert "provider/429 is active already" in result.reason


def test_steps_follow_their_offsets_and_end_at_their_ttl(clock):
    flap = [
        {"target": "latency", "mode": "slow", "ttl_seconds": 1, "at_seconds": at} for at in (0, 3)
    ]
    result = run(clock, steps=flap)
    armed = list(Fault.objects.order_by("created_at", "id"))
    assert (armed[1].created_at - armed[0].created_at).total_seconds() == 3
    assert result.fault_ended_at == armed[1].expires_at
    assert result.mttr_seconds >= 1


def test_halt_ends_everything_and_is_audited(clock):
    def errors(_memory):
        return 7 if is_faulted() else 0

    halt = [{"probe": "errors", "at_most": 5, "in_a_row": 2}]
    result = runner.run(
        experiment(halt=halt),
        actor=ACTOR,
        probes={"answers": steady, "errors": errors},
        clock=clock,
    )
    assert result.status == Status.ABORTED
    assert result.reason == "Halted: errors ≤ 5, but it was 7"
    assert result.lines[0]["during"]["total"] == 2
    assert not is_faulted()
    assert "errors ≤ 5" in AuditEntry.objects.get(action="halted").reason


def test_stop_everything_aborts_the_run(clock):
    clock.plan = [(4, lambda: services.clear_all(actor=ACTOR, now=clock.now()))]
    result = run(clock)
    assert result.status == Status.ABORTED
    assert "was cleared by somebody else" in result.reason


@pytest.mark.parametrize(
    ("ending", "status", "reason"),
    [
        (Interrupted, Status.INTERRUPTED, "signal"),
        (KeyboardInterrupt, Status.INTERRUPTED, "signal"),
        (RuntimeError("boom"), Status.ABORTED, "RuntimeError: boom"),
    ],
)
def test_whatever_ends_the_runner_the_fault_is_cleared(clock, ending, status, reason):
    def end():
        assert is_faulted()
        raise ending

    clock.plan = [(4, end)]
    result = run(clock)
    assert (result.status, is_faulted()) == (status, False)
    assert reason in result.reason
    assert AuditEntry.objects.filter(action="cleared").count() == 1


def test_lever_pulled_meanwhile_refuses_the_next_step(clock, tmp_path, chaos_settings):
    stop = tmp_path / "stop"
    chaos_settings(STOP_FILE=str(stop))
    clock.plan = [(4, stop.touch)]
    steps = [
        {"target": "latency", "mode": "slow", "ttl_seconds": 9, "at_seconds": at} for at in (0, 3)
    ]
    result = run(clock, steps=steps)
    assert result.status == Status.ABORTED
    assert "Everything is stopped" in result.reason
    assert not is_faulted()


def test_only_one_runs_at_a_time_and_a_dead_runner_does_not_count(clock):
    living = ExperimentRun.objects.create(
        name="other", definition={}, status="observing", started_at=clock.now(), seen_at=clock.now()
    )
    with pytest.raises(AnotherRun, match="other runs since"):
        run(clock)
    clock.seconds = 31
    assert run(clock).status == Status.PASSED
    living.refresh_from_db()
    assert (living.status, living.reason) == ("interrupted", "Its runner died.")


def test_production_runs_nothing(clock, chaos_settings):
    chaos_settings(ENVIRONMENT="production")
    with pytest.raises(ChaosForbidden):
        run(clock)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": []}, "steps: at least one"),
        ({"expect": []}, "expect: at least one"),
        ({"steps": [{"target": "latency", "mode": "slow"}]}, "missing: ttl_seconds"),
        ({"color": "red"}, "no such key: color"),
        ({"expect": ["answers"]}, "a table is wanted"),
        ({"expect": [{"probe": "answers", "says": "x", "during": 3}]}, "during: a share"),
        ({"every_seconds": 0}, "every_seconds"),
        ({"steps": [{"target": "latency", "mode": "slow", "ttl_seconds": 9, "at_seconds": 99}]},
         "within observe_seconds"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_its_name(changes, message):
    with pytest.raises(InvalidExperiment, match=message):
        experiment(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": [{"target": "latency", "mode": "down", "ttl_seconds": 9}]}, "no mode"),
        ({"steps": [{"target": "nowhere", "mode": "down", "ttl_seconds": 9}]}, "nowhere"),
        ({"expect": [{"probe": "unknown", "says": "x"}]}, "No such probe: unknown"),
    ],
)
def test_what_cannot_be_done_here_is_refused_before_anything_is_stored(clock, changes, message):
    with pytest.raises(InvalidExperiment, match=message):
        run(clock, **changes)
    assert not ExperimentRun.objects.exists()
