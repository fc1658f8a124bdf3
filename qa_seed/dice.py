"""
Chance that can be repeated: every entity rolls its own dice.

A die is seeded by (seed, kind, index) alone, so entity 7 is the same whether 10 or 10 million
are made, and a field added to one kind reshuffles no other.
"""

from __future__ import annotations

import math
import random
import struct
import uuid
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from statistics import NormalDist
from typing import Final, Protocol

TAIL_EXPONENT: Final = 1.7
MOST_TIMES_THE_MEAN: Final = 16
_VERSION_4: Final = 4 << 76 | 2 << 62
_NOT_FIXED: Final = ~(15 << 76 | 3 << 62)
_FEW: Final = struct.Struct("<16I")
_STEPS: Final = 1024
_SPREAD: Final = 0.9
# A log-normal law by its quantiles: a look-up costs a tenth of a draw.
_FACTORS: Final = tuple(
    math.exp(_SPREAD * NormalDist().inv_cdf((n + 0.5) / _STEPS)) for n in range(_STEPS)
)


class Dice(Protocol):
    """Whatever rolls: `random.Random`, or `FewDice` for those who roll seldom."""

    def random(self) -> float: ...


class FewDice:
    """Sixteen rolls and no more, for a fifth of the price of seeding a `random.Random`."""

    __slots__ = ("_left",)

    def __init__(self, name: bytes) -> None:
        self._left: list[int] = list(_FEW.unpack(blake2b(name).digest()))

    def random(self) -> float:
        return self._left.pop() / 2**32


def few_dice_of(seed: int, kind: str, index: int) -> FewDice:
    """Return the dice of an entity that rolls at most sixteen times."""
    return FewDice(f"{seed}|{kind}|{index}".encode())


def dice_of(seed: int, kind: str, index: int) -> random.Random:
    """Return the dice of one entity."""
    name = f"{seed}|{kind}|{index}".encode()
    return random.Random(int.from_bytes(blake2b(name, digest_size=8).digest()))


def uuid_of(dice: random.Random) -> uuid.UUID:
    return uuid.UUID(int=dice.getrandbits(128), version=4)


def key_of(dice: random.Random) -> str:
    """Return the 32 digits of a random UUID, without the price of the object."""
    bits = dice.getrandbits(128) & _NOT_FIXED | _VERSION_4
    return f"{bits:032x}"


def factor(dice: Dice) -> float:
    """Return a factor around 1: half are smaller, one in six is under 0.4, one in six over 2.4."""
    return _FACTORS[int(dice.random() * _STEPS)]


def pick[T](dice: Dice, choices: Sequence[T]) -> T:
    """Return one of `choices`; `random.choice` may change its draws between Python versions."""
    return choices[int(dice.random() * len(choices))]


def pick_weighted[T](dice: Dice, weights: dict[T, float]) -> T:
    """Return a key of `weights`, in proportion to its value."""
    left = dice.random() * sum(weights.values())
    for choice, weight in weights.items():
        left -= weight
        if left < 0:
            return choice
    return choice


def draw_length(dice: Dice, mean: float) -> int:
    """Return the length of a conversation: most are short, few very long, `mean` on average."""
    scale = _scale_for(mean)
    if scale < 1:  # a mean of 1: nobody ever answers
        return 1
    raw = scale * (1.0 - dice.random()) ** (-1 / TAIL_EXPONENT)
    return max(1, min(int(raw), int(mean * MOST_TIMES_THE_MEAN)))


@cache
def _scale_for(mean: float) -> float:
    """
    Return the least value of a Pareto law, cut to whole numbers, whose mean is `mean`.

    E[n] is the sum over k >= 1 of P(n >= k) = min(1, (scale / k) ** exponent); found by halving.
    """
    low, high = 0.0, float(mean)
    for _ in range(40):
        scale = (low + high) / 2
        if _mean_of(scale, mean) < mean:
            low = scale
        else:
            high = scale
    return low


def _mean_of(scale: float, mean: float) -> float:
    longest = int(mean * MOST_TIMES_THE_MEAN)
    return math.fsum(min(1.0, (scale / k) ** TAIL_EXPONENT) for k in range(1, longest + 1))
