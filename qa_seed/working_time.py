"""
When things happen at a Brazilian service desk: office hours, weekends and national holidays.

Brazil gave up daylight saving time in 2019 (decree 9.772), so São Paulo is UTC-3 all year and no
time zone database is needed, which bare containers often lack.
"""

from __future__ import annotations

from bisect import bisect
from datetime import date, datetime, timedelta, timezone
from functools import cache
from itertools import accumulate
from typing import Final

from qa_seed.dice import Dice

SAO_PAULO: Final = timezone(timedelta(hours=-3), "America/Sao_Paulo")
OPENS_HOUR, CLOSES_HOUR = 8, 18
_HOUR: Final = timedelta(hours=1)
_MINUTES_OPEN: Final = (CLOSES_HOUR - OPENS_HOUR) * 60

_FIXED_HOLIDAYS: Final = frozenset(
    {(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25)}
)
_DAYS_FROM_EASTER: Final = (-48, -47, -2, 60)  # carnival (two days), Good Friday, Corpus Christi
_HOUR_WEIGHTS: Final = (
    .3, .2, .1, .1, .1, .2, .5, 1.5, 5, 8, 9, 8, 6, 7, 8.5, 8, 7, 5, 3, 2.2, 1.8, 1.4, 1, .6,
)  # fmt: skip
_WEEKEND_WEIGHT, _HOLIDAY_WEIGHT = 0.22, 0.15
_HALVED_EVERY_DAYS: Final = 60.0  # the desk is growing: recent days are busier


def easter(year: int) -> date:
    """
    Return Easter Sunday of `year` in the Gregorian calendar.

    Source: the anonymous algorithm of 1876 in Meeus, "Astronomical Algorithms", chapter 8.
    """
    century, rest = divmod(year, 100)
    golden = year % 19
    leap, leap_rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon + 15) % 30
    weekday = (32 + 2 * leap_rest + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


@cache
def is_holiday(day: date) -> bool:
    """Tell whether `day` is a national holiday, or one of the days everybody takes off."""
    sunday = easter(day.year)
    moving = {sunday + timedelta(days=days) for days in _DAYS_FROM_EASTER}
    return (day.month, day.day) in _FIXED_HOLIDAYS or day in moving


@cache
def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and not is_holiday(day)  # noqa: PLR2004 - Saturday


def after_working_minutes(start: datetime, minutes: float) -> datetime:
    """Return the moment at which the desk has been open for `minutes` since `start`."""
    at = start.astimezone(SAO_PAULO)
    left = timedelta(minutes=minutes)
    if at.hour >= OPENS_HOUR and is_working_day(at.date()):  # most often it is over in a day
        done = at + left
        if done.hour < CLOSES_HOUR and done.day == at.day and minutes < _MINUTES_OPEN:
            return done
    at = _next_open(at)
    while left > (today := _closing(at) - at):
        left -= today
        at = _next_open(_closing(at))
    return at + left


def _closing(at: datetime) -> datetime:
    return at.replace(hour=CLOSES_HOUR, minute=0, second=0, microsecond=0)


def _next_open(at: datetime) -> datetime:
    """Return `at` if the desk is open, else the next morning it opens."""
    if at.hour >= CLOSES_HOUR:
        at = _morning(at + timedelta(days=1))
    elif at.hour < OPENS_HOUR:
        at = _morning(at)
    while not is_working_day(at.date()):
        at = _morning(at + timedelta(days=1))
    return at


def _morning(at: datetime) -> datetime:
    return at.replace(hour=OPENS_HOUR, minute=0, second=0, microsecond=0)


def when_awake(at: datetime) -> datetime:
    """Return `at`, or a moment of the next morning if people sleep then."""
    local = at.astimezone(SAO_PAULO)
    if 1 <= local.hour < 7:  # noqa: PLR2004
        return local.replace(hour=7) + timedelta(minutes=local.hour * 9)
    return local


class Arrivals:
    """When customers write for the first time, over the `days` before the hour of `end`."""

    def __init__(self, end: datetime, *, days: int) -> None:
        begin = (end - timedelta(days=days)).astimezone(SAO_PAULO)
        self._start = begin.replace(minute=0, second=0, microsecond=0)
        self._sums = list(accumulate(self._weight(n, days) for n in range(days * 24)))

    def _weight(self, hours: int, days: int) -> float:
        at = self._start + hours * _HOUR
        day = _WEEKEND_WEIGHT if at.weekday() >= 5 else 1.0  # noqa: PLR2004 - Saturday
        if is_holiday(at.date()):
            day = _HOLIDAY_WEIGHT
        growth = 2.0 ** (-(days - hours / 24) / _HALVED_EVERY_DAYS)
        return float(_HOUR_WEIGHTS[at.hour] * day * growth)

    def draw(self, dice: Dice) -> datetime:
        """Return one arrival, in whole seconds."""
        hours = bisect(self._sums, dice.random() * self._sums[-1])
        return self._start + hours * _HOUR + timedelta(seconds=int(dice.random() * 3600))

    def until(self, at: datetime) -> float:
        """Return which share of all arrivals lies before `at`, from 0 to 1."""
        hours, seconds = divmod(max(0.0, (at - self._start).total_seconds()), 3600)
        index = min(int(hours), len(self._sums) - 1)
        before = self._sums[index - 1] if index else 0.0
        inside = (self._sums[index] - before) * seconds / 3600
        return (before + inside) / self._sums[-1]
