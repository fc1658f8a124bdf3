"""
The gate: do the objectives hold over a window, said in an exit code.

0 all met, 3 one missed or worse than the baseline, 4 not enough data (no objective at all
included), 5 source unavailable.
1 and 2 stay what they are everywhere: a crash and a wrong call.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseError

from slo import boot, readings, selectors, sources
from slo.arithmetic import State
from slo.errors import SourceUnavailable
from slo.evaluation import Evaluation, Source, evaluate
from slo.models import Objective
from slo.readings import Reading
from slo.sources import Between

MET, MISSED, NOT_ENOUGH_DATA, SOURCE_UNAVAILABLE = 0, 3, 4, 5
VERDICTS: Final = {
    MET: "met",
    MISSED: "missed",
    NOT_ENOUGH_DATA: "not_enough_data",
    SOURCE_UNAVAILABLE: "source_unavailable",
}


@dataclass(frozen=True, kw_only=True)
class Margins:
    """
    By how much more may be bad than in the baseline before it counts as a regression.

    Both must be exceeded: a relative margin alone trips over a handful of events, an absolute one
    alone is blind where little is bad.
    """

    relative: float = 0.5  # half as much again
    absolute: float = 0.01  # one point of a percent

    def are_exceeded(self, *, bad_before: float, bad_now: float) -> bool:
        """Return whether the share of bad events grew beyond both."""
        grown = bad_now - bad_before
        return grown > self.absolute and grown > self.relative * bad_before


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the gate found; `error` when it could not look."""

    evaluations: Sequence[Evaluation] = ()
    allowed_without_data: Collection[str] = ()
    error: str = ""
    baseline: dict[str, Any] = field(default_factory=dict)
    margins: Margins = field(default_factory=Margins)

    @property
    def exit_code(self) -> int:
        if self.error:
            return SOURCE_UNAVAILABLE
        if self.names_in(State.MISSED) or self.regressed:
            return MISSED
        unmeasured = set(self.names_in(State.NO_DATA)) - set(self.allowed_without_data)
        return NOT_ENOUGH_DATA if unmeasured or not self.evaluations else MET

    @property
    def verdict(self) -> str:
        return VERDICTS[self.exit_code]

    @property
    def regressed(self) -> list[str]:
        """Return the objectives that are worse than in the baseline by both margins."""
        return [each.name for each in self.evaluations if self._has_regressed(each)]

    def _has_regressed(self, each: Evaluation) -> bool:
        before, now = self.baseline.get(each.name, {}).get("ratio"), each.tally.ratio
        if before is None or now is None or each.state is State.NO_DATA:
            return False
        return self.margins.are_exceeded(bad_before=1 - before, bad_now=1 - float(now))

    def names_in(self, state: State) -> list[str]:
        """Return the objectives in `state`."""
        return [each.name for each in self.evaluations if each.state is state]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to judge and from which counts; empty means the default."""

    names: Sequence[str] = ()
    window: timedelta | None = None
    url: str = ""
    since_snapshot: str = ""
    before: str = ""
    after: str = ""
    min_samples: int = 1
    allowed_without_data: Sequence[str] = ()
    baseline: str = ""
    margins: Margins = field(default_factory=Margins)


def judge(question: Question, *, now: datetime) -> Outcome:
    """
    Return how the objectives stand by the counts that `question` names.

    :raises UnknownObjective: when it names an objective that is none
    """
    try:
        selectors.list_enabled(question.allowed_without_data)  # a typo would allow nothing
        objectives = selectors.list_enabled(question.names)
        found = _evaluations(question, objectives, now=now)
        baseline = _document(question.baseline) if question.baseline else {}
    except (SourceUnavailable, DatabaseError) as error:
        return Outcome(error=str(error).strip() or type(error).__name__)
    return Outcome(
        evaluations=found,
        allowed_without_data=question.allowed_without_data,
        baseline=baseline,
        margins=question.margins,
    )


def live_reading(objectives: Sequence[Objective], *, now: datetime, url: str = "") -> Reading:
    """
    Return the present counts: of `url`, else this machine's files, else the page in the settings.

    :raises SourceUnavailable: when the page does not answer
    """
    wanted = [each.selection for each in objectives]
    options = getattr(settings, "SLO", {})
    if not url and boot.shared_directory() is not None:
        return sources.read_registry(wanted, now=now)
    page = url or options.get("METRICS_URL") or ""
    if not page:
        raise SourceUnavailable("say --url, or set SLO['METRICS_URL'] or SLO['MULTIPROC_DIR']")
    text = sources.fetch_text(page, token=options.get("METRICS_TOKEN") or "")
    return sources.read_text(text, wanted, now=now)


def write_snapshot(path: str, *, now: datetime, url: str = "") -> None:
    """
    Write the present counts of every objective to a file, for `--since-snapshot`.

    :raises SourceUnavailable: when they cannot be read
    """
    reading = live_reading(list(Objective.objects.all()), now=now, url=url)
    Path(path).write_text(json.dumps(reading.as_json(), indent=1) + "\n", encoding="utf-8")


def _evaluations(
    question: Question, objectives: Sequence[Objective], *, now: datetime
) -> list[Evaluation]:
    pair = _pair(question, objectives, now=now)
    if pair is None:
        source = _history(question, objectives, now=now)
        return selectors.evaluate_with(
            source, objectives, now=now, window=question.window, min_samples=question.min_samples
        )
    return [
        evaluate(
            each,
            pair,
            now=pair.after.taken_at,
            window=pair.window,
            min_samples=question.min_samples,
            burns_over=[pair.window],
        )
        for each in objectives
    ]


def _pair(question: Question, objectives: Sequence[Objective], *, now: datetime) -> Between | None:
    """Return the two readings that the question names, None when it names a window."""
    if question.before:
        before, after = (_read(path, objectives) for path in (question.before, question.after))
        return Between(name="files", before=before, after=after)
    if question.since_snapshot:
        before = _read(question.since_snapshot, objectives)
        after = live_reading(objectives, now=now, url=question.url)
        return Between(name="registry since snapshot", before=before, after=after)
    return None


def _history(question: Question, objectives: Sequence[Objective], *, now: datetime) -> Source:
    url = getattr(settings, "SLO", {}).get("PROMETHEUS_URL")
    if url and not question.url:
        return sources.PrometheusServer(url=url)
    live = live_reading(objectives, now=now, url=question.url)
    return selectors.history(objectives, live, window=question.window)


def _read(path: str, objectives: Sequence[Objective]) -> Reading:
    """Return the reading in a file: a snapshot's JSON, or a `/metrics` page saved to it."""
    text = _text(path)
    if text.lstrip().startswith("{"):
        try:
            return readings.from_json(json.loads(text))
        except (KeyError, TypeError, ValueError) as error:
            raise SourceUnavailable(f"{path} is no snapshot: {error}") from error
    saved_at = datetime.fromtimestamp(Path(path).stat().st_mtime, tz=UTC)
    return sources.read_text(text, [each.selection for each in objectives], now=saved_at)


def _document(path: str) -> dict[str, Any]:
    """Return an earlier run's JSON report."""
    try:
        document: dict[str, Any] = json.loads(_text(path))
        return {each["name"]: each for each in document["objectives"]}
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnavailable(f"{path} is no report of slo_gate: {error}") from error


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnavailable(f"{path}: {error}") from error
