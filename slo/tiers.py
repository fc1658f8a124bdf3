"""
Which burn rates are worth an alert, over which pairs of windows.

Tiers are those of the SRE workbook, chapter 5, for a budget of 28 days. For an objective over a
week or more the pairs shrink with its window, so that a tier always means the same share of its
budget; one over less is alerted on as if its budget were of 28 days, for a pair of seconds tells
nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from slo import arithmetic, durations

_BUDGET: Final = timedelta(days=28)
_SHORTEST_BUDGET: Final = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A burn rate that, held over both windows, is worth someone's attention."""

    alert: str
    severity: str
    factor: Decimal
    long: str
    short: str


TIERS: Final = (
    Tier(alert="SloBurnRateFast", severity="page", factor=Decimal("14.4"), long="1h", short="5m"),
    Tier(alert="SloBurnRateFast", severity="page", factor=Decimal(6), long="6h", short="30m"),
    Tier(alert="SloBurnRateSlow", severity="ticket", factor=Decimal(3), long="1d", short="2h"),
    Tier(alert="SloBurnRateSlow", severity="ticket", factor=Decimal(1), long="3d", short="6h"),
)


def reachable(target_ratio: Decimal) -> list[Tier]:
    """Return the tiers that can ever fire: burning everything is 1 / (1 - target)."""
    highest = arithmetic.highest_burn_rate(target_ratio)
    return [each for each in TIERS if highest is not None and each.factor < highest]


def chosen(
    target_ratio: Decimal, window: timedelta, factors: Collection[Decimal] = ()
) -> list[Tier]:
    """Return the reachable tiers (only those of `factors`, if there are any) for `window`."""
    found = [each for each in reachable(target_ratio) if not factors or each.factor in factors]
    return [_scaled(each, window) for each in found]


def refusal(target_ratio: Decimal, factors: Collection[Decimal]) -> str:
    """Return what is wrong with `factors` and what would be right, or nothing."""
    within = {each.factor for each in reachable(target_ratio)}
    wrong = sorted(set(factors) - within)
    if not wrong:
        return ""
    right = ", ".join(f"{each:g}" for each in sorted(within)) or "none, for it has no budget"
    highest = arithmetic.highest_burn_rate(target_ratio)
    limit = "" if highest is None else f" With everything bad it burns {float(highest):g} times."
    named = ", ".join(f"{each:g}" for each in wrong)
    return f"No alert can fire at {named}.{limit} Within reach: {right}."


def _scaled(tier: Tier, window: timedelta) -> Tier:
    if window < _SHORTEST_BUDGET:
        return tier
    long, short = (_minutes(each, window / _BUDGET) for each in (tier.long, tier.short))
    return Tier(
        alert=tier.alert, severity=tier.severity, factor=tier.factor, long=long, short=short
    )


def _minutes(length: str, scale: float) -> str:
    """Return a window scaled and rounded to minutes, at least one: several scrapes."""
    seconds = durations.parse(length).total_seconds() * scale
    return durations.text(timedelta(minutes=max(1, round(seconds / 60))))
