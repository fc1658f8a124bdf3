"""A cache of one's own on the real Redis, a Redis that refuses, and the counter of requests."""

from __future__ import annotations

import copy
import uuid

from helpdesk.metrics import CACHE_REQUESTS_TOTAL
from helpdesk.selectors import cache

REFUSING = "redis://127.0.0.1:1/0"


def use_private_cache(settings, *, location: str = "", prefix: str = "") -> str:
    """Give the test keys that no other test sees; return their prefix."""
    prefix = prefix or uuid.uuid4().hex
    caches = copy.deepcopy(settings.CACHES)
    caches["default"]["KEY_PREFIX"] = prefix
    if location:
        caches["default"]["LOCATION"] = location
    settings.CACHES = caches
    cache._quiet.until = 0.0
    return prefix


def counted(name: str, outcome: str) -> float:
    count: float = CACHE_REQUESTS_TOTAL.labels(name, outcome)._value.get()
    return count
