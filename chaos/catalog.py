"""
What can be broken and how: every target, its modes and the metadata each mode takes.

Pure data and pure validation: no Django, no network. `docs/reference/chaos.md` lists the same
names (a test keeps them equal).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

DEFAULT_TTL_SECONDS: Final = 60
DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {"delayMs": 200, "percent": 100, "retryAfterSec": 1}
)
SCOPES: Final = ("cache", "channels", "broker")
DISTRIBUTIONS: Final = ("uniform", "lognormal")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class UnknownTarget(Exception):
    """The catalogue has no such target."""


class InvalidFault(Exception):
    """A field of the wanted fault is wrong; `errors` maps its name to what would be right."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to break a target."""

    meaning: str
    takes: frozenset[str]


_ALWAYS = frozenset({"percent", "firstN", "seed", "reason"})
_SLOWNESS = frozenset({"delayMs", "jitterMs", "distribution"})
_REQUEST = frozenset({"route", "method"})


def _mode(meaning: str, *takes: str) -> Mode:
    return Mode(meaning, _ALWAYS | frozenset(takes))


CATALOGUE: Final[Mapping[str, Mapping[str, Mode]]] = MappingProxyType(
    {
        "redis": {
            "down": _mode("Refuse connections and cut open sockets, blocked ones too", "scope"),
            "slow": _mode("Delay every command", "scope", *_SLOWNESS),
            "errors": _mode("Let the server answer LOADING to single commands", "scope"),
            "miss": _mode("Let the server answer nil to reads of the cache"),
        },
        "postgres": {
            "500": _mode("Let the server raise an error in a statement", *_REQUEST),
            "down": _mode("Refuse connections and cut open sockets", *_REQUEST),
            "slow": _mode("Delay every statement on the server", *_SLOWNESS, *_REQUEST),
            "deadlock": _mode("Let the server report a deadlock", *_REQUEST),
            "readonly": _mode("Let the server refuse writes, as after a failover", *_REQUEST),
            "pool": _mode("Hold every slot of the connection pool"),
        },
        "provider": {
            "500": _mode("Answer 500", *_REQUEST),
            "429": _mode("Answer 429 with Retry-After", "retryAfterSec", *_REQUEST),
            "timeout": _mode("Take the request and never answer", *_REQUEST),
            "slow": _mode("Delay the answer, then let its body drip", *_SLOWNESS, *_REQUEST),
            "malformed": _mode("Answer success with a body that is not JSON", *_REQUEST),
            "ambiguous": _mode("Accept the message and lose the answer", *_REQUEST),
        },
        "latency": {
            "slow": _mode("Delay HTTP requests inside the application", *_SLOWNESS, *_REQUEST),
        },
        "websocket": {
            "drop": _mode("Close open sockets, and new ones at their first frame", "route"),
            "mute": _mode("Lose frames on their way to the client", "route"),
        },
        "queue": {
            "stall": _mode("Stop consuming a queue", "queue"),
            "errors": _mode("Let tasks fail", "queue"),
            "kill": _mode("Kill the worker process that runs a task", "queue"),
        },
    }
)


def modes_of(target: str) -> Mapping[str, Mode]:
    """
    Return the modes of `target`.

    :raises UnknownTarget: when the catalogue has no such target
    """
    try:
        return CATALOGUE[target]
    except KeyError:
        raise UnknownTarget(target) from None


def check(*, target: str, mode: str, ttl_seconds: int, metadata: Any, max_ttl_seconds: int) -> None:
    """
    Refuse what cannot be injected.

    :raises UnknownTarget: when the catalogue has no such target
    :raises InvalidFault: naming every field that is wrong, by its public name
    """
    errors: dict[str, Any] = {}
    known = modes_of(target).get(mode)
    if known is None:
        errors["mode"] = [f"{target} has no mode {mode!r}; one of {_names(modes_of(target))}."]
    if not 1 <= ttl_seconds <= max_ttl_seconds:
        errors["ttlSec"] = [f"A whole number of seconds from 1 to {max_ttl_seconds}."]
    if known is not None and (wrong := _check_metadata(target, mode, known, metadata)):
        errors["metadata"] = wrong
    if errors:
        raise InvalidFault(errors)


def _names(names: Any) -> str:
    return ", ".join(sorted(names))


def _check_metadata(target: str, mode: str, known: Mode, metadata: Any) -> Any:
    if not isinstance(metadata, Mapping):
        return ['An object of settings such as {"delayMs": 400}.']
    errors: dict[str, list[str]] = {}
    for key, value in metadata.items():
        if key not in known.takes:
            errors[key] = [f"{target}/{mode} does not take it; it takes {_names(known.takes)}."]
        elif wanted := _RULES[key](value):
            errors[key] = [wanted]
    return errors


def _number(low: float, high: float, *, whole: bool = True) -> Callable[[Any], str]:
    """Return a rule that answers what would be right, or "" when the value is."""
    kinds: tuple[type, ...] = (int,) if whole else (int, float)
    wanted = f"A {'whole ' if whole else ''}number from {low:g} to {high:g}."

    def rule(value: Any) -> str:
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return "" if is_number and low <= value <= high else wanted

    return rule


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    wanted = "One of " + ", ".join(choices) + "."

    def rule(value: Any) -> str:
        return "" if isinstance(value, str) and value in choices else wanted

    return rule


def _text(longest: int) -> Callable[[Any], str]:
    wanted = f"A text of 1 to {longest} characters."

    def rule(value: Any) -> str:
        return "" if isinstance(value, str) and 1 <= len(value) <= longest else wanted

    return rule


_RULES: Final[Mapping[str, Callable[[Any], str]]] = {
    "delayMs": _number(0, 60_000),
    "jitterMs": _number(0, 60_000),
    "distribution": _one_of(DISTRIBUTIONS),
    "percent": _number(0, 100, whole=False),
    "seed": _number(0, 2**63 - 1),
    "retryAfterSec": _number(0, 3600),
    "firstN": _number(1, 1_000_000),
    "route": _text(200),
    "method": _one_of(METHODS),
    "queue": _text(100),
    "scope": _one_of(SCOPES),
    "reason": _text(500),
}
