"""Cache, broker and channel layer: one Redis server, three databases.

`cache.clear()` is FLUSHDB, so a shared database would let a cache flush eat the queue.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config import env


def redis_url(database: int) -> str:
    """Return `REDIS_URL` pointing at `database`, counted from the database it names (0)."""
    parts = urlsplit(env.REDIS_URL)
    first = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{first + database}"))


BROKER_URL, CACHE_URL, CHANNELS_URL = redis_url(0), redis_url(1), redis_url(2)
_BOUNDED = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0}

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django_prometheus.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "steadydesk",
        "OPTIONS": {
            "IGNORE_EXCEPTIONS": True,  # a lost cache costs milliseconds, never a request
            "LOG_IGNORED_EXCEPTIONS": False,
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",  # pickle runs code
            "CONNECTION_POOL_KWARGS": {**_BOUNDED},
        },
    },
}
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        # PubSub keeps its sockets through a Redis restart; the default layer goes deaf.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": CHANNELS_URL, "socket_connect_timeout": 0.5}],
            "prefix": "steadydesk",
        },
    },
}
