"""
The rate of a campaign as one time in its row, so that any number of workers share it.

The bucket holds a tenth of a second's tokens, or one and what accrues until the next look, and is
refilled at the rate.
`bucket_at` is the time at which it was, or would have been, empty. Times are PostgreSQL's own:
the clocks of workers may differ, and Redis may be away.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

BUCKET_SECONDS: Final = 0.1
# Of that, the room for what accrues between two looks: without it a token that is ready stops the
# next one from accruing until somebody comes for it.
LOOK_SECONDS: Final = 0.05
# A claim that was not sent this soon is given back, so that delays never add up to a burst.
SEND_WITHIN_SECONDS: Final = 0.15


def burst(rate_per_second: int) -> int:
    """
    Return by how many calls a second may exceed the rate: a quarter of it, rounded up.

    That is the bucket, plus what was claimed before the second began and sent within it.
    """
    return math.ceil(rate_per_second * (BUCKET_SECONDS + SEND_WITHIN_SECONDS))


def take(
    *, bucket_at: datetime | None, rate_per_second: float, wanted: int, now: datetime
) -> tuple[int, datetime]:
    """Return how many of `wanted` tokens there are at `now`, and the bucket without them."""
    per_token = timedelta(seconds=1 / rate_per_second)
    room = max(per_token, timedelta(seconds=BUCKET_SECONDS - LOOK_SECONDS))
    full_at = now - room - timedelta(seconds=LOOK_SECONDS)
    emptied_at = max(bucket_at, full_at) if bucket_at else full_at
    count = min(wanted, max(0, (now - emptied_at) // per_token))
    return count, emptied_at + count * per_token
