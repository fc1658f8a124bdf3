"""
The script of one conversation: who speaks when, and in which words.

A script has exactly the length asked for. Words are drawn here; greetings wait for the hour at
which they are said.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Message
from qa_seed.dice import pick
from qa_seed.documents import VARIANTS, Document, document
from qa_seed.grammar import PORTUGUESE, Intent, Language
from qa_seed.people import first_name, is_feminine
from qa_seed.working_time import SAO_PAULO

_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_NOON, _EVENING, _DAWN = 12, 18, 5
_FILE_SHARE: Final = 0.12
_NOTE_SHARE: Final = 0.25
_ASK_AGAIN_SHARE: Final = 0.5
_EDGE_SHARE: Final = 0.06
_RANT_SHARE: Final = 0.02
_SILENT_SHARE: Final = 0.35
_FORMAL_SHARE: Final = 0.5
_PATIENCE_DAYS: Final = 4
_SAID_ALL: Final = 2  # rounds of question and answer that an intent has


@dataclass(slots=True)
class Turn:
    """One message to be: `words` may hold slots, `greeting` says who greets in it."""

    kind: str
    words: str
    document: Document | None = None
    greeting: str = ""
    after_days: int = 0  # how long everybody waits before it, beyond the usual
    resolves: bool = False


class Slots(dict[str, str]):
    """The values of a conversation's slots, each drawn when a line first asks for it."""

    def __init__(
        self, dice: random.Random, language: Language, about: str, *, name: str, at: datetime
    ) -> None:
        super().__init__(name=first_name(name))
        self._dice, self._lists, self._at = dice, language.slots, at
        self._is_portuguese = language.code == PORTUGUESE
        self._customer, self._about = name, about

    def __missing__(self, slot: str) -> str:
        self[slot] = value = _DRAWN[slot](self) if slot in _DRAWN else self.listed(slot)
        return value

    def listed(self, slot: str) -> str:
        """Return one of the values that the grammar lists."""
        return pick(self._dice, self._lists[slot])

    def about(self) -> str:
        return self.listed(self._about)

    def number(self, below: int) -> int:
        return int(self._dice.random() * below)

    def protocol(self) -> str:
        return f"{self._at.year}-{self.number(1_000_000):06}"

    def thanked(self) -> str:
        return "obrigada" if is_feminine(self._customer) else "obrigado"

    def money(self) -> str:
        # Small amounts are frequent, but none so frequent that a page of tickets repeats it.
        chance = self._dice.random()
        text = f"{29 + int(chance * 200 + chance * chance * 1_700):,}.90"
        return text.translate(_PORTUGUESE_POINTS) if self._is_portuguese else f"${text}"

    def day(self, *, after: int) -> str:
        local = (self._at + timedelta(days=after)).astimezone(SAO_PAULO)
        if self._is_portuguese:
            return f"{local.day:02}/{local.month:02}"
        return f"{local.day} {_MONTHS[local.month - 1]}"


_PORTUGUESE_POINTS: Final = str.maketrans(",.", ".,")
_DRAWN: Final[dict[str, Callable[[Slots], str]]] = {
    "product": Slots.about,
    "order": lambda slots: f"{410_000 + slots.number(80_000)}",
    "amount": Slots.money,
    "digits": lambda slots: f"{slots.number(10_000):04}",
    "protocol": Slots.protocol,
    "due": lambda slots: slots.day(after=2 + slots.number(7)),
    "past": lambda slots: slots.day(after=-2 - slots.number(10)),
    "thanked": Slots.thanked,
}


class Voice:
    """The words of one conversation: its language, its intent and the values of its slots."""

    def __init__(
        self, dice: random.Random, language: Language, intent: Intent, *, name: str, at: datetime
    ) -> None:
        self.dice = dice
        self.language = language
        self.intent = intent
        self.is_formal = dice.random() < _FORMAL_SHARE
        self._heard: set[str] = set()
        self._slots = Slots(dice, language, intent.about, name=name, at=at)

    def fresh(self, words: str) -> str:
        """Return a line of the list `words` that was not said yet, as long as there is one."""
        said: list[str] = self.language.speech[words]
        unheard = [line for line in said if line not in self._heard] or said
        line = pick(self.dice, unheard)
        self._heard.add(line)
        return line

    def subject(self) -> str:
        """Return what the ticket is about, in one line."""
        return pick(self.dice, self.intent.subjects).format_map(self._slots)

    def spoken(self, turn: Turn, *, agent: str, at: datetime) -> str:
        """Return the body of `turn` as it is said `at` a moment by or to `agent`."""
        words = turn.words
        if turn.greeting == "agent":
            self._slots["hello"] = self.language.speech[self._time_of_day(at)][0]
            words = f"{self.fresh('agent_openings')} {words}"
        if "{" in words:
            self._slots["agent"] = first_name(agent)
            words = words.format_map(self._slots)
        return self._greeted(words, at) if turn.greeting == "customer" else words

    def _greeted(self, words: str, at: datetime) -> str:
        hello = self.fresh(self._time_of_day(at) if self.is_formal else "casual")
        if hello[-1].isalnum():
            return f"{hello}, {words}"
        return f"{hello} {words[0].upper()}{words[1:]}"

    def _time_of_day(self, at: datetime) -> str:
        hour = at.astimezone(SAO_PAULO).hour
        if _DAWN <= hour < _NOON:
            return "mornings"
        return "afternoons" if _NOON <= hour < _EVENING else "evenings"


def script(voice: Voice, length: int) -> list[Turn]:
    """Return the `length` turns of a conversation; the last one of two or more resolves it."""
    turns = _plot(voice, length)
    if length > 1:
        turns[-1].resolves = True
    return turns


def _plot(voice: Voice, length: int) -> list[Turn]:
    ask, answer = _round(voice, 0)
    opening, solution = _opening(voice), _agent(pick(voice.dice, voice.intent.solves))
    thanks = _customer(voice.fresh("thanks"))
    if length == 3 and voice.dice.random() < _SILENT_SHARE:  # noqa: PLR2004
        goodbye = _agent(voice.fresh("goodbyes"))
        goodbye.after_days = _PATIENCE_DAYS
        return [opening, _introduced(ask), goodbye]
    if length < 4:  # noqa: PLR2004
        return [opening, _introduced(solution), thanks][:length]
    if length == 4:  # noqa: PLR2004
        return [opening, _introduced(ask), answer, solution]
    middle = _middle(voice, length - 5)
    return [opening, _introduced(ask), answer, *middle, solution, thanks]


def _opening(voice: Voice) -> Turn:
    dice = voice.dice
    words = pick(dice, voice.intent.opens)
    words = f"{words} {voice.fresh('impatience')}".strip()
    if dice.random() < _RANT_SHARE:
        words = "\n\n".join(
            [words, voice.language.speech["rant"], *[voice.language.speech["rant_more"]] * 3]
        )
    return Turn(Message.Kind.INBOUND, words, greeting="customer")


def _round(voice: Voice, number: int) -> tuple[Turn, Turn]:
    """Return an agent's question and the customer's answer, with a file if the intent has some."""
    ask, answer = voice.intent.rounds[number]
    found = None
    if number < len(voice.intent.files) and (kind := voice.intent.files[number]):
        found = document(kind, int(voice.dice.random() * VARIANTS))
    return _agent(ask), Turn(Message.Kind.INBOUND, answer, found)


def _middle(voice: Voice, length: int) -> list[Turn]:
    """Return `length` turns between the first answer and the solution."""
    turns: list[Turn] = []
    asked = 1
    while (left := length - len(turns)) > 0:
        if left == 1 or (voice.dice.random() < _NOTE_SHARE and not _ends_in_note(turns)):
            turns.append(Turn(Message.Kind.NOTE, voice.fresh("notes")))
        elif asked < _SAID_ALL and voice.dice.random() < _ASK_AGAIN_SHARE:
            turns += _round(voice, asked)
            asked += 1
        else:
            turns += [_nudge(voice), _agent(voice.fresh("progress"))]
    return turns


def _ends_in_note(turns: list[Turn]) -> bool:
    return bool(turns) and turns[-1].kind == Message.Kind.NOTE


def _nudge(voice: Voice) -> Turn:
    """Return the customer asking again: usually a sentence, sometimes what tests forget."""
    dice = voice.dice
    words = voice.fresh("edges" if dice.random() < _EDGE_SHARE else "nudges")
    kinds = [kind for kind in voice.intent.files if kind]
    if kinds and dice.random() < _FILE_SHARE:
        found = document(pick(dice, kinds), int(dice.random() * VARIANTS))
        return Turn(Message.Kind.INBOUND, voice.fresh("file_lines"), found)
    return _customer(words)


def _customer(words: str) -> Turn:
    return Turn(Message.Kind.INBOUND, words)


def _agent(words: str) -> Turn:
    return Turn(Message.Kind.OUTBOUND, words)


def _introduced(turn: Turn) -> Turn:
    """Make `turn` an agent's first, in which they say who they are."""
    turn.greeting = "agent"
    return turn
