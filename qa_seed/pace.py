"""How long everybody takes: agents by priority and channel, customers by channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Channel, Message, Ticket
from qa_seed.dice import Dice, factor
from qa_seed.turns import Turn
from qa_seed.working_time import after_working_minutes, when_awake

# Medians of the first answer. Urgent tickets ring a phone, so theirs run by night as well.
FIRST_ANSWER_MINUTES: Final[dict[str, float]] = {
    Ticket.Priority.URGENT: 4,
    Ticket.Priority.HIGH: 23,
    Ticket.Priority.MEDIUM: 57,
    Ticket.Priority.LOW: 210,
}
_CHANNEL_FACTOR: Final[dict[str, float]] = {
    Channel.WHATSAPP: 0.8, Channel.TELEGRAM: 0.8, Channel.WEB: 1.0, Channel.EMAIL: 1.6,
}  # fmt: skip
_CUSTOMER_MINUTES: Final[dict[str, float]] = {
    Channel.WHATSAPP: 8, Channel.TELEGRAM: 8, Channel.WEB: 25, Channel.EMAIL: 95,
}  # fmt: skip
_READ_SHARE: Final[dict[str, float]] = {
    Channel.WHATSAPP: 0.9, Channel.TELEGRAM: 0.85, Channel.WEB: 0.6, Channel.EMAIL: 0.35,
}  # fmt: skip
_LATER_FACTOR: Final = 0.5
_BRISK_ABOVE: Final = 8  # long conversations go back and forth faster
_LEAST: Final = timedelta(seconds=20)


@dataclass(slots=True)
class Pace:
    """The tempo of one conversation."""

    dice: Dice
    priority: str
    channel: str
    length: int
    answered: bool = False

    def next_at(self, at: datetime, turn: Turn) -> datetime:
        """Return when `turn` is said, if the one before it was said `at`; later by 20 s or more."""
        start = at + _LEAST + timedelta(days=turn.after_days)
        if turn.kind == Message.Kind.NOTE:
            return _whole(after_working_minutes(start, self._around(6)))
        if turn.kind == Message.Kind.INBOUND:
            minutes = self._around(_CUSTOMER_MINUTES[self.channel]) * self._briskness()
            return _whole(when_awake(start + timedelta(minutes=minutes)))
        return _whole(self._answer_at(start))

    def _answer_at(self, start: datetime) -> datetime:
        median = FIRST_ANSWER_MINUTES[self.priority] * _CHANNEL_FACTOR[self.channel]
        minutes = self._around(median)
        if self.answered:
            minutes *= _LATER_FACTOR * self._briskness()
        self.answered = True
        if self.priority == Ticket.Priority.URGENT:
            return start + timedelta(minutes=minutes)
        return after_working_minutes(start, minutes)

    def read_after(self) -> timedelta | None:
        """Return how long a delivered message lies unread, or None if nobody tells."""
        if self.dice.random() > _READ_SHARE[self.channel]:
            return None
        return timedelta(seconds=int(5 + 60 * self._around(3)))

    def _briskness(self) -> float:
        return min(1.0, math.pow(_BRISK_ABOVE / self.length, 0.6))

    def _around(self, median_minutes: float) -> float:
        return median_minutes * factor(self.dice)


def _whole(at: datetime) -> datetime:
    """Cut to milliseconds, so that a last digit of floating point never shows."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
