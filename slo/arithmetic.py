"""
The arithmetic of service levels: pure functions over integers and decimals.

A verdict is `good >= target * total` with `good` read at a bucket edge, so it is counted and never
interpolated. Formulas follow the SRE workbook; the quantile estimate follows Prometheus'
`histogram_quantile` and is only ever shown beside the bracket it was interpolated in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

# Cumulative counts of one selection of series: by upper bucket edge, or by "total" and "bad".
type Counts = Mapping[str, int]

INFINITY: Final = "+Inf"
_ONE_SIDED_95: Final = 1.6448536269514722  # the normal distribution's 95 % quantile


class State(StrEnum):
    """What may be said of an objective over its window."""

    MET = "met"
    AT_RISK = "at_risk"  # met over the window, but the short window burns more than its share
    MISSED = "missed"
    NO_DATA = "no_data"  # nothing was counted: neither met nor missed


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many of the counted events were good."""

    good: int
    total: int

    @property
    def bad(self) -> int:
        return self.total - self.good

    @property
    def ratio(self) -> Decimal | None:
        return Decimal(self.good) / self.total if self.total else None


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """An estimated quantile and the bucket that surely holds it (`high` None: beyond all edges)."""

    estimate: float
    low: float
    high: float | None


def growth(before: Counts, after: Counts) -> dict[str, int]:
    """
    Return by how much each count grew.

    A count that dropped was reset to zero in between: all of its new value is growth.
    """
    grown = {}
    for key, value in after.items():
        previous = before.get(key, 0)
        grown[key] = value - previous if value >= previous else value
    return grown


def total_growth(readings: Sequence[tuple[str, Counts]]) -> dict[str, int]:
    """
    Return the growth over `(boot, counts)` readings in order of time.

    A new `boot` means every count began again at zero, even one that has overtaken its old value.
    """
    grown: dict[str, int] = {}
    for (old_boot, before), (boot, after) in pairwise(readings):
        step = growth(before if boot == old_boot else {}, after)
        for key, value in step.items():
            grown[key] = grown.get(key, 0) + value
    return grown


def is_kept(tally: Tally, *, target_ratio: Decimal, is_strict: bool = False) -> bool:
    """Return whether enough was good: `good >= target * total`, or `>` when `is_strict`."""
    needed = target_ratio * tally.total
    return tally.good > needed if is_strict else tally.good >= needed


def burn_rate(tally: Tally, *, target_ratio: Decimal) -> Decimal | None:
    """Return how many times faster than allowed the budget goes; None without data or budget."""
    if not tally.total or target_ratio >= 1:
        return None
    return Decimal(tally.bad) / tally.total / (1 - target_ratio)


def budget_remaining(tally: Tally, *, target_ratio: Decimal) -> Decimal | None:
    """Return the share of the error budget left, negative once overspent, None without one."""
    burnt = burn_rate(tally, target_ratio=target_ratio)
    return None if burnt is None else 1 - burnt


def highest_burn_rate(target_ratio: Decimal) -> Decimal | None:
    """Return the burn rate at which everything is bad: no alert above it can ever fire."""
    return None if target_ratio >= 1 else 1 / (1 - target_ratio)


def judge(
    tally: Tally,
    recent: Tally,
    *,
    target_ratio: Decimal,
    is_strict: bool = False,
    min_samples: int = 1,
) -> State:
    """
    Return the state of an objective.

    `at_risk` means: met over the window, while `recent` (the short window) spends the budget faster
    than the target allows. A small sample is not a risk; it is told by `wilson_lower_bound`.
    """
    if tally.total < max(min_samples, 1):
        return State.NO_DATA
    if not is_kept(tally, target_ratio=target_ratio, is_strict=is_strict):
        return State.MISSED
    if recent.total and not is_kept(recent, target_ratio=target_ratio):
        return State.AT_RISK
    return State.MET


def affordable_sample(target_ratio: Decimal) -> int:
    """Return how many events it takes for one bad event not to miss the target by itself."""
    if target_ratio >= 1:
        return 1
    return math.ceil(1 / (1 - target_ratio))


def wilson_lower_bound(tally: Tally) -> float | None:
    """
    Return the one-sided 95 % lower confidence bound of the good ratio.

    Source: E. B. Wilson, Probable Inference (1927). A kept target above this bound is kept, but the
    sample is too small to be sure that it was not luck.
    """
    if not tally.total:
        return None
    n, z2 = tally.total, _ONE_SIDED_95**2
    p = tally.good / n
    spread = _ONE_SIDED_95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, (p + z2 / (2 * n) - spread) / (1 + z2 / n))


def estimate_quantile(cumulative: Counts, q: float) -> Quantile | None:
    """
    Return where the quantile `q` lies among cumulative buckets keyed by their upper edge.

    Linear inside its bucket, as `histogram_quantile` of Prometheus; beyond the last finite edge the
    estimate is that edge and `high` is None. None when nothing was observed.
    """
    total = cumulative.get(INFINITY, 0)
    edges = sorted(float(edge) for edge in cumulative if edge != INFINITY)
    if not total or not edges:
        return None
    counts = {float(edge): count for edge, count in cumulative.items()}
    rank, low, below = q * total, 0.0, 0
    for edge in edges:
        if counts[edge] >= rank and counts[edge] > below:
            estimate = low + (edge - low) * (rank - below) / (counts[edge] - below)
            return Quantile(estimate=min(max(estimate, low), edge), low=low, high=edge)
        low, below = edge, max(below, counts[edge])
    return Quantile(estimate=edges[-1], low=edges[-1], high=None)


def overall_ratio(states: Iterable[State]) -> Decimal | None:
    """Return the share of measured objectives that are kept; None when none was measured."""
    measured = [state for state in states if state is not State.NO_DATA]
    if not measured:
        return None
    return Decimal(sum(state is not State.MISSED for state in measured)) / len(measured)
