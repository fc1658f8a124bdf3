"""
Which burn rates are worth an alert, over which pairs of windows.

Tiers are those of the SRE workbook, chapter 5, for a budget of 28 days. Their pairs shrink with an
objective's window, so that a tier means the same share of its budget, but not below what a scrape
every ten seconds can tell: `docs/adr/0013-burn-windows-shrink-to-a-floor.md` has the arithmetic.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from slo import arithmetic, durations

_BUDGET: Final = timedelta(days=28)
_SHORTEST_LONG: Final = timedelta(minutes=5)  # thirty scrapes
_SHORTEST_SHORT: Final = timedelta(minutes=1)  # six


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
    """
    Return the reachable tiers (only those of `factors`, if there are any), scaled to `window`.

    Of those that the floor makes equal but for their factor, the lowest stays: it fires whenever
    another would.
    """
    found = [each for each in reachable(target_ratio) if not factors or each.factor in factors]
    scaled = [_scaled(each, window) for each in found]
    return list({(each.alert, each.long, each.short): each for each in scaled}.values())


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
    share = window / _BUDGET
    return replace(
        tier,
        long=_minutes(tier.long, share, at_least=min(_SHORTEST_LONG, window)),
        short=_minutes(tier.short, share, at_least=_SHORTEST_SHORT),
    )


def _minutes(length: str, share: float, *, at_least: timedelta) -> str:
    """Return a window scaled and rounded to minutes, never below the floor or a minute."""
    seconds = max(durations.parse(length) * share, at_least).total_seconds()
    return durations.text(timedelta(minutes=max(1, round(seconds / 60))))
