"""
What an experiment is, read from a TOML file and refused loudly.

Pure data: no database, no network. `docs/reference/experiments.md` describes every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from chaos import catalog, conf


class InvalidExperiment(Exception):
    """The definition says something that cannot be meant."""


class UnknownExperiment(Exception):
    """There is no such name and no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fault, armed `at_seconds` after the first."""

    target: str
    mode: str
    ttl_seconds: int
    at_seconds: float = 0
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the answer of a probe must be; without a bound it must be true."""

    probe: str
    at_most: float | None = None
    at_least: float | None = None
    equals: float | None = None

    def holds(self, value: Any) -> bool:
        """Tell whether `value` is within the bound."""
        if self.at_most is None and self.at_least is None and self.equals is None:
            return bool(value)
        return (
            (self.at_most is None or value <= self.at_most)
            and (self.at_least is None or value >= self.at_least)
            and (self.equals is None or value == self.equals)
        )

    @property
    def text(self) -> str:
        """Return the bound for people."""
        limits = (("≤", self.at_most), ("≥", self.at_least), ("=", self.equals))
        said = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
        return f"{self.probe} {' and '.join(said) or 'holds'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation(Bound):
    """
    One line of the hypothesis; it must hold before, and again after.

    `during` is the share of samples (0 to 1) in which it must hold while the fault does.
    """

    says: str
    during: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt(Bound):
    """A bound that ends the experiment when it is broken `in_a_row` times."""

    in_a_row: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A whole experiment; all times in seconds."""

    name: str
    title: str
    hypothesis: str
    observe_seconds: float
    recover_within_seconds: float
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...]
    halt: tuple[Halt, ...] = ()
    every_seconds: float = 1.0
    gate_samples: int = 2
    stable_samples: int = 3

    @classmethod
    def parse(cls, name: str, given: Mapping[str, Any]) -> Self:
        """
        Return the experiment that a parsed file describes.

        :raises InvalidExperiment: saying which key is wrong
        """
        values = {**given, "name": name}
        for key, kind in (("steps", Step), ("expect", Expectation), ("halt", Halt)):
            tables = enumerate(values.get(key, ()))
            values[key] = tuple(_make(kind, table, f"{key}[{at}]") for at, table in tables)
        made = _make(cls, values, name)
        made.refuse_nonsense()
        return made

    def as_json(self) -> dict[str, Any]:
        """Return the definition as it is kept with each run."""
        return asdict(self)

    def refuse_nonsense(self) -> None:
        """:raises InvalidExperiment: naming the rule that is broken"""
        rules: dict[str, Callable[[], bool]] = {
            "steps: at least one": lambda: bool(self.steps),
            "expect: at least one": lambda: bool(self.expect),
            "every_seconds: above 0": lambda: self.every_seconds > 0,
            "stable_samples: at least 1": lambda: self.stable_samples >= 1,
            "during: a share from 0 to 1": lambda: all(0 <= e.during <= 1 for e in self.expect),
            "at_seconds: within observe_seconds": lambda: all(
                0 <= step.at_seconds <= self.observe_seconds for step in self.steps
            ),
        }
        for wanted, is_met in rules.items():
            if not is_met():
                raise InvalidExperiment(f"{self.name}: {wanted}.")

    def refuse_what_cannot_be_injected(self) -> None:
        """:raises InvalidExperiment: when a step names a fault that cannot be armed here"""
        for step in self.steps:
            try:
                catalog.check(
                    target=step.target,
                    mode=step.mode,
                    ttl_seconds=step.ttl_seconds,
                    metadata=step.metadata,
                    max_ttl_seconds=conf.get("MAX_TTL_SECONDS"),
                )
            except (catalog.InvalidFault, catalog.UnknownTarget) as error:
                raise InvalidExperiment(f"{step.target}/{step.mode}: {error}") from error


def _make[T](kind: type[T], given: Any, where: str) -> T:
    """Return a dataclass made of `given`, naming what is unknown or missing."""
    if not isinstance(given, Mapping):
        raise InvalidExperiment(f"{where}: a table is wanted.")
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if unknown := sorted(set(given) - set(known)):
        raise InvalidExperiment(f"{where}: no such key: {', '.join(unknown)}.")
    missing = [
        name
        for name, each in known.items()
        if name not in given and each.default is MISSING and each.default_factory is MISSING
    ]
    if missing:
        raise InvalidExperiment(f"{where}: missing: {', '.join(missing)}.")
    return kind(**given)


def folder() -> Path | None:
    """Return where the project keeps its experiments (`settings.CHAOS["EXPERIMENTS"]`)."""
    path = conf.get("EXPERIMENTS")
    return Path(path) if path else None


def names() -> list[str]:
    """Return the names of the project's experiments."""
    place = folder()
    return sorted(path.stem for path in place.glob("*.toml")) if place else []


def load(name: str) -> Experiment:
    """
    Return the experiment called `name`, or the one in the file at that path.

    :raises UnknownExperiment: naming those there are
    :raises InvalidExperiment: saying what is wrong with it
    """
    path = Path(name)
    if not name.endswith(".toml"):
        if name not in names():
            raise UnknownExperiment(f"No experiment {name!r}; one of {', '.join(names())}.")
        path = Path(str(folder())) / f"{name}.toml"
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnknownExperiment(f"There is no file {name}.") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidExperiment(f"{name}: {error}") from error
    return Experiment.parse(path.stem, given)
