"""One objective, judged: everything that a page, an API, a gate or a metric says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final, Protocol

from slo import arithmetic, durations, selections
from slo.arithmetic import Counts, Quantile, State, Tally
from slo.models import Objective
from slo.readings import Growth
from slo.selections import Selection

_SHORTEST_WINDOW: Final = timedelta(seconds=60)
_NOTHING: Final = Tally(good=0, total=0)


class Source(Protocol):
    """Where counts come from."""

    @property
    def name(self) -> str:
        """What the answer says it was counted from."""

    def growth(self, selection: Selection, *, since: datetime, until: datetime) -> Growth | None:
        """Return what was counted, None when the source knows nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was counted for an objective, and what follows from it."""

    objective: Objective
    window: timedelta
    tally: Tally
    counts: Counts
    recent: Tally
    covered_seconds: float
    source: str
    evaluated_at: datetime
    min_samples: int = 1
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.objective.name

    @cached_property
    def state(self) -> State:
        return arithmetic.judge(
            self.tally,
            self.recent,
            target_ratio=self.objective.target_ratio,
            is_strict=self.objective.is_strict,
            min_samples=self.min_samples,
        )

    @property
    def is_kept(self) -> bool:
        return self.state in {State.MET, State.AT_RISK}

    @property
    def budget_remaining(self) -> Decimal | None:
        return arithmetic.budget_remaining(self.tally, target_ratio=self.objective.target_ratio)

    @property
    def burn_rates(self) -> dict[str, Decimal | None]:
        """Burn rate by window, the short one first."""
        target = self.objective.target_ratio
        return {
            window: arithmetic.burn_rate(tally, target_ratio=target)
            for window, tally in self.tallies.items()
        }

    @cached_property
    def quantile(self) -> Quantile | None:
        """Where the promised share of events lies; only a histogram knows."""
        if self.objective.kind != Objective.Kind.HISTOGRAM_RATIO:
            return None
        return arithmetic.estimate_quantile(self.counts, float(self.objective.target_ratio))

    @property
    def coverage_ratio(self) -> float:
        """How much of the window the counts reach back, at most 1."""
        return min(1.0, self.covered_seconds / self.window.total_seconds())

    @property
    def is_significant(self) -> bool:
        """Whether a kept promise is kept with 95 % confidence and not by a small sample's luck."""
        bound = arithmetic.wilson_lower_bound(self.tally)
        return bound is not None and bound >= self.objective.target_ratio


def evaluate(
    objective: Objective,
    source: Source,
    *,
    now: datetime,
    window: timedelta | None = None,
    min_samples: int = 1,
    burns_over: Sequence[timedelta] | None = None,
) -> Evaluation:
    """
    Return what `source` counted for `objective` over `window` (its own by default) up to `now`.

    Burn rates are told over `burns_over`, shortest first; by default over `burn_windows(window)`.

    :raises SourceUnavailable: when the source does not answer
    """
    window = window or objective.window
    grown = {
        each: source.growth(objective.selection, since=now - each, until=now)
        for each in burns_over or burn_windows(window)
    }
    tallies = {durations.text(each): _tally(objective, found) for each, found in grown.items()}
    whole = grown[window]
    return Evaluation(
        objective=objective,
        window=window,
        tally=_tally(objective, whole),
        counts=whole.counts if whole else {},
        recent=next(iter(tallies.values())),
        covered_seconds=whole.seconds if whole else 0.0,
        source=source.name,
        evaluated_at=now,
        min_samples=min_samples,
        tallies=tallies,
    )


def burn_windows(window: timedelta) -> list[timedelta]:
    """Return the windows whose burn is told: a twelfth (at least a minute), and the whole."""
    short = max(window / 12, _SHORTEST_WINDOW)
    return [short, window] if short < window else [window]


def _tally(objective: Objective, grown: Growth | None) -> Tally:
    if grown is None:
        return _NOTHING
    return selections.tally(
        objective.selection, grown.counts, threshold_edge=objective.threshold_edge
    )
