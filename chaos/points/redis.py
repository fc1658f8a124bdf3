"""
Faults on Redis sockets: connection classes for redis-py, sync and asyncio.

A fault is raised where the network raises it, below retries and pools, so the code that recovers
is redis-py's own. `down` refuses connections, breaks the next command of an open one, and at the
moment it is armed cuts sockets that are idle or blocked in a read. `errors` and `miss` change the
command on the wire and let the real server answer.

`class_for(scope, url)` returns the class to configure: see `docs/reference/chaos.md`.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio.connection as redis_asyncio
import redis.connection as redis_sync

from chaos import kernel
from chaos.live import Live

_DOWN: Final = frozenset({"down"})
_SLOW: Final = frozenset({"slow"})
_ERRORS: Final = frozenset({"errors"})
_REWRITING: Final = frozenset({"errors", "miss"})
_READS: Final = frozenset({"GET", "MGET"})
# What a server that loads its data does answer: without it no connection would come to its error.
_WHILE_LOADING: Final = frozenset({"AUTH", "HELLO", "SELECT", "CLIENT"})
_NEVER_SET: Final = "chaos:miss:no-such-key"
_TIMEOUT: Final = "Timeout writing to socket"  # redis-py's words
_LOADING: Final = (
    "EVAL",
    "return redis.error_reply('LOADING Redis is loading the dataset in memory')",
    0,
)


_live: Final[Live[Any]] = Live()


def cut_open_sockets(fault: kernel.ActiveFault) -> None:
    """Cut what is open, idle or blocked, when `fault` takes Redis down for every call."""
    if fault.target != "redis" or fault.mode != "down" or not fault.is_total:
        return
    scope = fault.metadata.get("scope")
    for connection in _live.all():
        if scope in {None, connection.chaos_scope} and connection.chaos_cut():
            kernel.record(fault)


kernel.on_armed.append(cut_open_sockets)


def _start_control() -> None:
    from chaos import control  # noqa: PLC0415 - settings import this module before apps are ready

    control.ensure_running()


def _shut(sock: Any) -> bool:
    """Shut a socket both ways, which also wakes whoever blocks on it in another thread."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError):  # closed meanwhile, or never open
        return False
    return True


def _refuse() -> None:
    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


class _Faulty:
    """What both kinds of connection share."""

    chaos_scope: ClassVar[str]
    socket_timeout: float | None

    def chaos_pick(self, modes: frozenset[str]) -> kernel.ActiveFault | None:
        return kernel.pick("redis", {"scope": self.chaos_scope}, modes=modes)

    def chaos_delay(self, slow: kernel.ActiveFault) -> tuple[float, bool]:
        """Return how long to wait, and whether the client's own timeout ends it, as on a socket."""
        seconds, limit = slow.draw_delay_seconds(), self.socket_timeout
        if limit is None or seconds <= limit:
            return seconds, False
        return limit, True

    def chaos_rewrite(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the command to send instead of `args`, so that the server misbehaves."""
        modes = _REWRITING if self._can_miss(args) else _ERRORS
        fault = None if args[0] in _WHILE_LOADING else self.chaos_pick(modes)
        if fault is None:
            return args
        if fault.mode == "errors":
            return _LOADING
        return (args[0], *[_NEVER_SET for _key in args[1:]])

    def _can_miss(self, args: tuple[Any, ...]) -> bool:
        return self.chaos_scope == "cache" and args[0] in _READS


class _FaultySync(_Faulty):
    """Goes in front of a `redis.Connection` class."""

    _sock: Any

    def _connect(self) -> Any:
        _start_control()
        if kernel.ARMED and self.chaos_pick(_DOWN):
            _refuse()
        sock = super()._connect()  # type: ignore[misc]  # of the class this one is mixed into
        _live.add(self)
        return sock

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        if kernel.ARMED:
            args = self.chaos_rewrite(args)
        super().send_command(*args, **kwargs)  # type: ignore[misc]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's signature
        if kernel.ARMED:
            if slow := self.chaos_pick(_SLOW):
                seconds, is_too_long = self.chaos_delay(slow)
                kernel.sleep(slow, seconds)
                if is_too_long and kernel.is_armed(slow):
                    self.disconnect()  # type: ignore[attr-defined]  # of the class mixed into
                    raise redis.TimeoutError(_TIMEOUT)
            if self.chaos_pick(_DOWN):
                self.chaos_cut()
        super().send_packed_command(command, check_health)  # type: ignore[misc]

    def chaos_cut(self) -> bool:
        return _shut(self._sock)


class _FaultyAsync(_Faulty):
    """Goes in front of a `redis.asyncio.Connection` class."""

    _writer: Any

    async def _connect(self) -> None:
        _start_control()
        if kernel.ARMED and self.chaos_pick(_DOWN):
            _refuse()
        await super()._connect()  # type: ignore[misc]
        _live.add(self)

    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        if kernel.ARMED:
            args = self.chaos_rewrite(args)
        await super().send_command(*args, **kwargs)  # type: ignore[misc]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's signature
        if kernel.ARMED:
            if slow := self.chaos_pick(_SLOW):
                seconds, is_too_long = self.chaos_delay(slow)
                await kernel.sleep_async(slow, seconds)
                if is_too_long and kernel.is_armed(slow):
                    await self.disconnect(nowait=True)  # type: ignore[attr-defined]
                    raise redis.TimeoutError(_TIMEOUT)
            if self.chaos_pick(_DOWN):
                self.chaos_cut()
        await super().send_packed_command(command, check_health)  # type: ignore[misc]

    def chaos_cut(self) -> bool:
        writer = self._writer
        return writer is not None and _shut(writer.get_extra_info("socket"))


class CacheConnection(_FaultySync, redis_sync.Connection):
    chaos_scope = "cache"


class CacheSSLConnection(_FaultySync, redis_sync.SSLConnection):
    chaos_scope = "cache"


class CacheUnixConnection(_FaultySync, redis_sync.UnixDomainSocketConnection):
    chaos_scope = "cache"


class ChannelsConnection(_FaultyAsync, redis_asyncio.Connection):
    chaos_scope = "channels"


class ChannelsSSLConnection(_FaultyAsync, redis_asyncio.SSLConnection):
    chaos_scope = "channels"


class ChannelsUnixConnection(_FaultyAsync, redis_asyncio.UnixDomainSocketConnection):
    chaos_scope = "channels"


class BrokerConnection(_FaultySync, redis_sync.Connection):
    chaos_scope = "broker"


class BrokerSSLConnection(_FaultySync, redis_sync.SSLConnection):
    chaos_scope = "broker"


_CLASSES: Final[dict[str, dict[str, type]]] = {
    "cache": {
        "redis": CacheConnection,
        "rediss": CacheSSLConnection,
        "unix": CacheUnixConnection,
    },
    "channels": {
        "redis": ChannelsConnection,
        "rediss": ChannelsSSLConnection,
        "unix": ChannelsUnixConnection,
    },
}


def class_for(scope: str, url: str) -> type:
    """Return the connection class of `scope` ("cache" or "channels") that speaks `url`'s scheme."""
    return _CLASSES[scope][urlsplit(url).scheme]
