"""
Runs an experiment: gating, injecting, observing, recovering, verdict.

Whatever ends it (a verdict, a halt, a signal, a crash), its faults are cleared; should even that
fail, each ends at its TTL.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, deque
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Sum

from chaos import catalog, guard, selectors, services
from chaos.experiments import sampling
from chaos.experiments.clock import Clock
from chaos.experiments.definition import Experiment, Step
from chaos.experiments.journal import Journal, undisturbed
from chaos.experiments.sampling import Probe, Sampler
from chaos.models import ExperimentEvent, ExperimentRun, Fault
from chaos.services import Actor

logger = logging.getLogger(__name__)
Status = ExperimentRun.Status
Kind = ExperimentEvent.Kind

_ROLLBACK_TRIES: Final = 3
_HITS_SECONDS: Final = 5.0  # how long the count of other processes may be on its way
_REFUSALS: Final = (
    catalog.InvalidFault,
    guard.ChaosForbidden,
    services.TooManyFaults,
    services.LeverPulled,
)


class Interrupted(BaseException):
    """A signal asked the runner to end; not an error, so nothing on the way swallows it."""


class Aborted(Exception):
    """The experiment cannot go on; the message says why."""


def run(
    experiment: Experiment,
    *,
    actor: Actor,
    probes: Mapping[str, Probe] | None = None,
    clock: Clock | None = None,
) -> ExperimentRun:
    """
    Run the experiment and return what came of it, as it is stored.

    :raises ChaosForbidden: in production
    :raises AnotherRun: while another experiment runs
    :raises InvalidExperiment: when a probe is unknown or a fault cannot be armed
    """
    if not guard.may_act():
        raise guard.ChaosForbidden("Experiments are never run in production.")
    experiment.refuse_what_cannot_be_injected()
    sampler = Sampler(experiment, sampling.configured() if probes is None else probes)
    clock = clock or Clock()
    journal = Journal(experiment, actor=actor.name, clock=clock)
    return Runner(experiment, sampler=sampler, journal=journal, actor=actor, clock=clock).run()


class Runner:
    """One run of one experiment."""

    def __init__(
        self,
        experiment: Experiment,
        *,
        sampler: Sampler,
        journal: Journal,
        actor: Actor,
        clock: Clock,
    ) -> None:
        self._experiment, self._sampler, self._journal = experiment, sampler, journal
        self._actor, self._clock = actor, clock
        self._fault_ids: list[UUID] = []
        self._broken: Counter[int] = Counter()  # halts, by their place
        self._fault_ended_at: dt.datetime | None = None
        self._mttr_seconds: float | None = None
        self._hits = 0

    def run(self) -> ExperimentRun:
        """Go through the states; return the stored run, whatever happened."""
        try:
            status, reason = self._go()
        except Aborted as error:
            status, reason = Status.ABORTED, str(error)
        except (Interrupted, KeyboardInterrupt):
            status, reason = Status.INTERRUPTED, "A signal ended the runner."
        except Exception as error:
            logger.exception("the runner of %s broke", self._experiment.name)
            status, reason = Status.ABORTED, f"The runner broke: {type(error).__name__}: {error}"
        finally:
            self._roll_back()
        self._journal.finish(
            status=status,
            reason=reason[:500],
            hits=self._hits or self._count_hits(),
            fault_ended_at=self._fault_ended_at,
            mttr_seconds=self._mttr_seconds,
            lines=[line.as_json() for line in self._sampler.lines],
        )
        return self._journal.run

    def _go(self) -> tuple[Status, str]:
        self._gate()
        self._inject_and_observe()
        self._roll_back()
        has_recovered = self._recover()
        return self._judge(has_recovered=has_recovered)

    def _gate(self) -> None:
        """:raises Aborted: when the system is not steady, or is broken already"""
        self._journal.enter(Status.GATING)
        with undisturbed():
            foreign = selectors.active_faults(now=self._clock.now()).first()
        if foreign is not None:
            raise Aborted(f"{foreign} is active already; clear it first.")
        for _number in range(self._experiment.gate_samples):
            self._sample(sampling.BEFORE)
            for line in self._sampler.lines:
                if not line.holds:
                    raise Aborted(f"Not steady before: {line.expectation.says} ({line.problem}).")
            self._clock.sleep(self._experiment.every_seconds)

    def _inject_and_observe(self) -> None:
        self._journal.enter(Status.INJECTING)
        began = self._clock.monotonic()
        steps = deque(sorted(self._experiment.steps, key=lambda step: step.at_seconds))
        while (passed := self._clock.monotonic() - began) < self._experiment.observe_seconds:
            while steps and steps[0].at_seconds <= passed:
                self._inject(steps.popleft())
            if not steps and self._journal.run.status == Status.INJECTING:
                self._journal.enter(Status.OBSERVING)
            self._sample(sampling.DURING)
            self._obey_halts()
            self._obey_others()
            self._clock.sleep(self._experiment.every_seconds)

    def _inject(self, step: Step) -> None:
        try:
            with undisturbed():
                fault = services.inject_fault(
                    target=step.target,
                    mode=step.mode,
                    ttl_seconds=step.ttl_seconds,
                    metadata={"reason": f"experiment {self._experiment.name}", **step.metadata},
                    actor=self._actor,
                    now=self._clock.now(),
                )
        except _REFUSALS as error:
            raise Aborted(f"{step.target}/{step.mode} was refused: {error}") from error
        self._fault_ids.append(fault.pk)
        self._journal.note(Kind.FAULT, f"{fault} armed for at most {step.ttl_seconds} s")

    def _sample(self, phase: str) -> None:
        changed = self._sampler.take(phase)
        for line in changed:
            told = "holds again" if line.holds else f"does not hold: {line.problem}"
            self._journal.note(Kind.SAMPLE, f"“{line.expectation.says}” {told}")
        if not changed:
            self._journal.breathe()

    def _obey_halts(self) -> None:
        """:raises Aborted: when a bound of the halts is broken too often in a row"""
        for place, halt in enumerate(self._experiment.halt):
            problem = self._sampler.ask(halt)
            self._broken[place] = self._broken[place] + 1 if problem else 0
            if self._broken[place] >= halt.in_a_row:
                with undisturbed():
                    services.halt_faults(
                        fault_ids=self._fault_ids,
                        actor=self._actor,
                        now=self._clock.now(),
                        reason=f"experiment {self._experiment.name}: {problem}"[:500],
                    )
                raise Aborted(f"Halted: {problem}")

    def _obey_others(self) -> None:
        """:raises Aborted: when somebody ended a fault of ours early"""
        ends = (Fault.End.CLEARED, Fault.End.HALTED)
        try:
            with undisturbed():
                ended = Fault.objects.filter(pk__in=self._fault_ids, end__in=ends).first()
        except (DatabaseError, InterfaceError):  # it is away as well: asked again at the next look
            return
        if ended is not None:
            raise Aborted(f"{ended} was {ended.get_end_display().lower()} by somebody else.")

    def _roll_back(self) -> None:
        """Clear whatever of ours holds; the second call has nothing left to do."""
        if self._fault_ended_at is not None or not self._fault_ids:
            return
        for _number in range(_ROLLBACK_TRIES):
            try:
                with undisturbed():
                    self._clear()
            except DatabaseError:
                logger.warning("rollback is tried again", exc_info=True)
                self._clock.sleep(1.0)
            else:
                return
        self._journal.note(Kind.FAULT, "Rollback failed: each fault ends at its TTL")

    def _clear(self) -> None:
        now = self._clock.now()
        for fault_id in self._fault_ids:
            try:
                services.clear_fault(
                    fault_id=fault_id, actor=self._actor, now=now, reason="end of the experiment"
                )
            except services.FaultGone:
                continue
        ended = [fault.over_at for fault in Fault.objects.filter(pk__in=self._fault_ids)]
        self._fault_ended_at = min(now, max(ended, default=now))
        self._journal.note(Kind.FAULT, "All faults of the experiment are over")

    def _recover(self) -> bool:
        """Sample until all lines hold in a row; measure the time since the last fault ended."""
        self._journal.enter(Status.RECOVERING)
        already = (self._clock.now() - (self._fault_ended_at or self._clock.now())).total_seconds()
        began = self._clock.monotonic() - already
        limit_seconds = self._experiment.recover_within_seconds
        good_since, good = 0.0, 0
        while good < self._experiment.stable_samples:
            self._sample(sampling.AFTER)
            passed = self._clock.monotonic() - began
            good_since = good_since if good else passed
            good = good + 1 if self._sampler.all_hold else 0
            if not good and passed > limit_seconds:
                return False
            self._clock.sleep(self._experiment.every_seconds)
        self._mttr_seconds = round(good_since, 3)
        return good_since <= limit_seconds

    def _judge(self, *, has_recovered: bool) -> tuple[Status, str]:
        self._hits = self._count_hits()
        if self._hits == 0:
            return Status.INCONCLUSIVE, "No call was hit, so nothing was tried."
        failed = [line.expectation.says for line in self._sampler.lines if not line.held_during]
        if failed:
            return Status.DEVIATED, "Did not hold while broken: " + "; ".join(failed)
        if not has_recovered:
            limit = f"{self._experiment.recover_within_seconds:g} s"
            broken = [line.expectation.says for line in self._sampler.lines if not line.holds]
            return Status.DEVIATED, f"Not recovered within {limit}: " + "; ".join(broken)
        return Status.PASSED, f"Held, and whole again after {self._mttr_seconds:.1f} s."

    def _count_hits(self) -> int:
        """Return the hits of all our faults, waiting a little for the first to be told."""
        if not self._fault_ids:
            return 0
        deadline = self._clock.monotonic() + _HITS_SECONDS
        while True:
            hits = self._hits_so_far()
            if hits or self._clock.monotonic() >= deadline:
                return hits
            self._clock.sleep(0.5)

    def _hits_so_far(self) -> int:
        try:
            with undisturbed():
                rows = Fault.objects.filter(pk__in=self._fault_ids)
                return int(rows.aggregate(all=Sum("hits"))["all"] or 0)
        except DatabaseError:
            return 0
