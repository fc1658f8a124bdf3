"""Ask the probes, and count what they said in each phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.module_loading import import_string

from chaos import conf
from chaos.experiments.definition import Bound, Expectation, Experiment, InvalidExperiment

BEFORE: Final = "before"
DURING: Final = "during"
AFTER: Final = "after"

# A probe is given a mapping that lives as long as the run, to remember what it did.
Probe = Callable[[dict[str, Any]], Any]


@dataclass(slots=True)
class Tally:
    """How often an expectation held in one phase, and how it failed last."""

    good: int = 0
    total: int = 0
    problem: str = ""

    def add(self, problem: str) -> None:
        self.total += 1
        self.good += not problem
        self.problem = problem or self.problem

    @property
    def ratio(self) -> float:
        return self.good / self.total if self.total else 1.0


@dataclass(slots=True)
class Line:
    """One line of the hypothesis and what was seen of it."""

    expectation: Expectation
    tallies: dict[str, Tally] = field(
        default_factory=lambda: {phase: Tally() for phase in (BEFORE, DURING, AFTER)}
    )
    holds: bool = True
    problem: str = ""

    @property
    def held_during(self) -> bool:
        return self.tallies[DURING].ratio >= self.expectation.during

    def as_json(self) -> dict[str, Any]:
        """Return what was seen, as it is kept and reported."""
        counts = {
            phase: {"good": tally.good, "total": tally.total, "problem": tally.problem}
            for phase, tally in self.tallies.items()
        }
        return {
            "says": self.expectation.says,
            "bound": self.expectation.text,
            "during_wanted": self.expectation.during,
            "held_during": self.held_during,
            "recovered": self.holds,
            "problem": self.problem,
            **counts,
        }


def configured() -> Mapping[str, Probe]:
    """Return the project's probes (`settings.CHAOS["PROBES"]`)."""
    path = conf.get("PROBES")
    probes: Mapping[str, Probe] = import_string(path) if path else {}
    return probes


class Sampler:
    """The probes of one run."""

    def __init__(self, experiment: Experiment, probes: Mapping[str, Probe]) -> None:
        """:raises InvalidExperiment: when the project has no such probe"""
        self.lines = [Line(expectation) for expectation in experiment.expect]
        self._probes = probes
        self._memory: dict[str, Any] = {}
        wanted: list[Bound] = [*experiment.expect, *experiment.halt]
        if unknown := sorted({bound.probe for bound in wanted} - set(probes)):
            raise InvalidExperiment(f"No such probe: {', '.join(unknown)}.")

    def take(self, phase: str) -> list[Line]:
        """Ask for every line once; return those that changed."""
        changed = []
        for line in self.lines:
            line.problem = self.ask(line.expectation)
            line.tallies[phase].add(line.problem)
            if line.holds is bool(line.problem):
                line.holds = not line.problem
                changed.append(line)
        return changed

    def ask(self, bound: Bound) -> str:
        """Return "" when the bound holds now, else what was seen instead."""
        try:
            value = self._probes[bound.probe](self._memory)
            held = bound.holds(value)
        except Exception as error:  # noqa: BLE001 - whatever a fault does to a probe is an answer
            return f"{type(error).__name__}: {error}"[:300]
        return "" if held else f"{bound.text}, but it was {_shown(value)}"

    @property
    def all_hold(self) -> bool:
        return all(line.holds for line in self.lines)


def _shown(value: object) -> str:
    """Return an answer for people, who read no ten digits of a millisecond."""
    return f"{value:.1f}" if isinstance(value, float) else repr(value)
