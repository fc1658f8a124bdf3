"""
The script of one conversation: who speaks when, and in which words.

A script has exactly the length asked for. Words are drawn here; greetings wait for the hour at
which they are said.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Turn:
    """One message to be: `words` may hold slots, `greeting` says who greets in it."""

    kind: str
    words: str
    document: Document | None = None
    greeting: str = ""
    after_days: int = 0  # how long everybody waits before it, beyond the usual
    resolves: bool = False


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
        self.slots = self._draw_slots(name, at)

    def _draw_slots(self, name: str, at: datetime) -> dict[str, str]:
        dice, lists = self.dice, self.language.slots
        cents = int(2_000 + dice.random() ** 3 * 300_000)
        return {
            "product": pick(dice, lists[self.intent.about]),
            "city": pick(dice, lists["city"]),
            "carrier": pick(dice, lists["carrier"]),
            "order": f"{410_000 + int(dice.random() * 80_000)}",
            "amount": self._money(cents // 10 * 10),
            "digits": f"{int(dice.random() * 10_000):04}",
            "protocol": f"{at.year}-{int(dice.random() * 1_000_000):06}",
            "due": self._day(at + timedelta(days=2 + int(dice.random() * 7))),
            "past": self._day(at - timedelta(days=2 + int(dice.random() * 10))),
            "name": first_name(name),
            "thanked": "obrigada" if is_feminine(name) else "obrigado",
        }

    def _money(self, cents: int) -> str:
        text = f"{cents / 100:,.2f}"
        if self.language.code != PORTUGUESE:
            return f"${text}"
        return text.translate(str.maketrans(",.", ".,"))

    def _day(self, at: datetime) -> str:
        local = at.astimezone(SAO_PAULO)
        if self.language.code == PORTUGUESE:
            return f"{local:%d/%m}"
        return f"{local.day} {_MONTHS[local.month - 1]}"

    def fresh(self, words: str) -> str:
        """Return a line of the list `words` that was not said yet, as long as there is one."""
        said: list[str] = self.language.speech[words]
        unheard = [line for line in said if line not in self._heard] or said
        line = pick(self.dice, unheard)
        self._heard.add(line)
        return line

    def subject(self) -> str:
        """Return what the ticket is about, in one line."""
        return pick(self.dice, self.intent.subjects).format(**self.slots)

    def spoken(self, turn: Turn, *, agent: str, at: datetime) -> str:
        """Return the body of `turn` as it is said `at` a moment by or to `agent`."""
        slots = {**self.slots, "agent": first_name(agent), "hello": self._hello(at)}
        words = turn.words.format(**slots)
        if turn.greeting == "agent":
            return f"{self.fresh('agent_openings').format(**slots)} {words}"
        if turn.greeting == "customer":
            return self._greeted(words, at)
        return words

    def _hello(self, at: datetime) -> str:
        return str(self.language.speech[self._time_of_day(at)][0])

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
        turns[-1] = replace(turns[-1], resolves=True)
    return turns


def _plot(voice: Voice, length: int) -> list[Turn]:
    ask, answer = _round(voice, 0)
    opening, solution = _opening(voice), _agent(pick(voice.dice, voice.intent.solves))
    thanks = _customer(voice.fresh("thanks"))
    if length == 3 and voice.dice.random() < _SILENT_SHARE:  # noqa: PLR2004
        goodbye = replace(_agent(voice.fresh("goodbyes")), after_days=_PATIENCE_DAYS)
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
    """Return an agent's first turn, in which they say who they are."""
    return replace(turn, greeting="agent")
