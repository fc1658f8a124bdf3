"""
Chance, so that it can be repeated: which call is hit, and how long it waits.

Pure. A fault without `seed` draws from the process' own generator. One with it has a generator of
its own in each process, so the same calls in the same order meet the same luck.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping
from typing import Any, Final

from chaos.catalog import DEFAULTS

_LONGEST_MS: Final = 60_000.0  # no draw of a long tail outlasts what may be asked for
_unseeded: Final = random.Random()
_seeded: dict[str, random.Random] = {}


def dice(fault_id: str, seed: int | None) -> random.Random:
    """Return the generator that decides for this fault in this process."""
    if seed is None:
        return _unseeded
    return _seeded.get(fault_id) or _seeded.setdefault(fault_id, random.Random(seed))


def forget_all_but(fault_ids: Collection[str]) -> None:
    """Forget the generators of faults that are over."""
    for fault_id in set(_seeded).difference(fault_ids):
        _seeded.pop(fault_id, None)


def delay_seconds(metadata: Mapping[str, Any], generator: random.Random) -> float:
    """
    Draw one delay.

    `uniform`: `delayMs` plus or minus a uniform part of `jitterMs`. `lognormal`, as networks
    are: half of the draws lie below `delayMs` and five of six below `delayMs + jitterMs`.
    """
    delay_ms = float(metadata.get("delayMs", DEFAULTS["delayMs"]))
    jitter_ms = float(metadata.get("jitterMs", 0))
    if metadata.get("distribution") == "lognormal":
        sigma = math.log1p(jitter_ms / delay_ms) if delay_ms else 0.0
        drawn_ms = delay_ms * math.exp(generator.gauss(0.0, sigma))
    else:
        drawn_ms = delay_ms + generator.uniform(-jitter_ms, jitter_ms)
    return min(max(0.0, drawn_ms), _LONGEST_MS) / 1000
