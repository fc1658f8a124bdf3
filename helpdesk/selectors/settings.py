"""Settings that people change at run time: what there are, what each may hold, what holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from helpdesk.errors import HelpdeskError
from helpdesk.models import Setting, SettingsVersion, Ticket
from helpdesk.selectors import cache

_CACHE: Final = "settings"


class InvalidSetting(HelpdeskError):
    code = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A line of text."""

    default: str
    max_chars: int
    help: str

    def problem_with(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            return "This is a line of text and not empty."
        return f"At most {self.max_chars} characters." if len(value) > self.max_chars else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number within bounds."""

    default: int
    low: int
    high: int
    help: str

    def problem_with(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        if not isinstance(value, int) or isinstance(value, bool):
            return "This is a whole number."
        is_within = self.low <= value <= self.high
        return None if is_within else f"Between {self.low} and {self.high}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    default: str
    values: tuple[str, ...]
    help: str

    def problem_with(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        return None if value in self.values else f"One of {', '.join(self.values)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeByName:
    """A whole number for every one of a few names; all of them are given together."""

    default: dict[str, int]
    low: int
    high: int
    help: str

    def problem_with(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        if not isinstance(value, dict) or set(value) != set(self.default):
            return f"A number for each of {', '.join(self.default)}, and nothing else."
        one = Whole(default=0, low=self.low, high=self.high, help="")
        faults = {name: one.problem_with(number) for name, number in value.items()}
        return next((f"{name}: {fault}" for name, fault in faults.items() if fault), None)


Kind = Text | Whole | Choice | WholeByName
CATALOGUE: Final[dict[str, Kind]] = {
    "desk_name": Text(
        default="Steadydesk",
        max_chars=60,
        help="What the desk is called, on its dashboard.",
    ),
    "auto_close_after_days": Whole(
        default=14,
        low=1,
        high=365,
        help="A ticket that stays resolved for so many days is closed.",
    ),
    "default_priority": Choice(
        default=Ticket.Priority.MEDIUM.value,
        values=tuple(Ticket.Priority.values),
        help="The priority of a ticket that is opened without one.",
    ),
    "first_response_target_minutes": WholeByName(
        default={"low": 1440, "medium": 480, "high": 120, "urgent": 30},
        low=1,
        high=43_200,
        help="How soon a new ticket should have its first answer, by priority; the dashboard "
        "counts the tickets that wait longer.",
    ),
}


def current() -> dict[str, Any]:
    """
    Return every setting: what somebody set, else its default.

    The version is read from PostgreSQL each time and is part of the key, so a write is seen at
    once by every process, and no copy that Redis brings back from the past can be found again.
    """
    version = _version()
    try:
        found: dict[str, Any] | None = cache.look_up(_CACHE, str(version))
    except cache.CacheUnavailable:
        return stored()
    if found is None:
        found = stored()
        cache.keep(_CACHE, str(version), found, seconds=cache.SETTINGS_KEPT_SECONDS)
    return found


def stored() -> dict[str, Any]:
    """
    Return every setting from PostgreSQL.

    A value that this version of the code would refuse, written by another one, gives way to the
    default.
    """
    written = dict(Setting.objects.filter(key__in=CATALOGUE).values_list("key", "value"))
    sound = {key: value for key, value in written.items() if _fault(key, value) is None}
    return {key: sound.get(key, kind.default) for key, kind in CATALOGUE.items()}


def check(changes: dict[str, Any]) -> None:
    """
    Refuse a change of a setting that does not exist, or to a value it may not hold.

    :raises InvalidSetting: naming each key and what is wrong
    """
    problems = {key: fault for key, value in changes.items() if (fault := _fault(key, value))}
    if problems:
        text = " ".join(f"{key}: {fault}" for key, fault in problems.items())
        raise InvalidSetting(text, fields={key: [fault] for key, fault in problems.items()})


def _fault(key: str, value: Any) -> str | None:
    kind = CATALOGUE.get(key)
    if kind is None:
        return f"Unknown setting; known are: {', '.join(CATALOGUE)}."
    return kind.problem_with(value)


def _version() -> int:
    found = SettingsVersion.objects.filter(pk=1).values_list("version", flat=True).first()
    return found or 0
