"""
One ticket with all its messages, from chance and the clock to rows that agree with each other.

Nothing here touches the database. A conversation is first written to its end; what lies after
`now` is cut, and the status follows from what is left, so the two can never disagree.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Message, Ticket
from qa_seed.desk import Desk
from qa_seed.dice import dice_of, draw_length, pick, pick_weighted, uuid_of
from qa_seed.documents import Document
from qa_seed.grammar import language
from qa_seed.pace import Pace
from qa_seed.people import Colleague, Customer, customer, customer_index
from qa_seed.plan import ANCHOR_AGE, HISTORY_DAYS, Plan
from qa_seed.turns import Turn, Voice, script
from qa_seed.working_time import Arrivals, after_working_minutes

_P, _S, _K = Ticket.Priority, Ticket.Status, Message.Kind
_PRIORITIES: Final[dict[str, dict[str, float]]] = {
    "low": {_P.LOW: 0.6, _P.MEDIUM: 0.33, _P.HIGH: 0.06, _P.URGENT: 0.01},
    "medium": {_P.LOW: 0.18, _P.MEDIUM: 0.6, _P.HIGH: 0.18, _P.URGENT: 0.04},
    "high": {_P.LOW: 0.06, _P.MEDIUM: 0.34, _P.HIGH: 0.48, _P.URGENT: 0.12},
    "urgent": {_P.LOW: 0.0, _P.MEDIUM: 0.1, _P.HIGH: 0.35, _P.URGENT: 0.55},
}
# A message said this close to `now` would have receipts in the future.
_SETTLES: Final = timedelta(seconds=30)
_BACKLOG_DAYS, _BACKLOG_SHARE = 40, 0.42
_UNSAID_SHARE: Final = 0.11  # what `now` and the backlog leave unsaid of the scripts, measured
_UNASSIGNED_SHARE: Final = 0.7
_HELPING_HAND_SHARE: Final = 0.3
_REFUSED_SHARE: Final = 0.004
_CLOSED_SHARE: Final = 0.65
_FORGOTTEN_DAYS: Final = 30
_REFUSALS: Final = (
    "The provider refused the message: the recipient is not on this channel.",
    "The provider refused the message: the recipient blocked the sender.",
    "The provider refused the message: the conversation window is over.",
)


@dataclass(slots=True)
class MessageDraft:
    """A message as it will be stored; the names are those of the model."""

    seq: int
    key: uuid.UUID
    kind: str
    body: str
    author: Colleague | None
    status: str
    created_at: datetime
    provider_id: str | None = None
    error: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    document: Document | None = None


@dataclass(slots=True)
class TicketDraft:
    """A ticket as it will be stored, with its messages; the names are those of the model."""

    key: str
    customer_index: int
    customer: Customer
    subject: str
    priority: str
    assignee: Colleague | None
    tags: list[str]
    created_at: datetime
    messages: list[MessageDraft] = field(default_factory=list)
    status: str = _S.OPEN
    resolved_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def first_response_at(self) -> datetime | None:
        return next((m.created_at for m in self.messages if m.kind == _K.OUTBOUND), None)

    @property
    def last_said(self) -> MessageDraft:
        """The newest message that is not a note; the first one never is."""
        return next(m for m in reversed(self.messages) if m.kind != _K.NOTE)

    @property
    def last_activity_at(self) -> datetime:
        times = (self.messages[-1].created_at, self.resolved_at, self.closed_at)
        return max(at for at in times if at is not None)

    @property
    def version(self) -> int:
        """One, and one more for each change that was not a message."""
        changes = (self.assignee, self.resolved_at, self.closed_at)
        return 1 + sum(change is not None for change in changes)


class Author:
    """Writes the conversations of a plan."""

    def __init__(self, plan: Plan, desk: Desk) -> None:
        self._plan = plan
        self._desk = desk
        self._arrivals = Arrivals(plan.now, days=HISTORY_DAYS)

    def opened_at(self, index: int) -> datetime:
        """Return when ticket `index` was opened, without writing it."""
        if index == 0:
            return self._plan.now - ANCHOR_AGE
        drawn = self._arrivals.draw(dice_of(self._plan.seed, "arrival", index))
        return min(drawn, self._plan.now - 4 * _SETTLES)

    def ticket(self, index: int) -> TicketDraft:
        """Return ticket `index` as it stands at the plan's `now`."""
        plan, opened_at = self._plan, self.opened_at(index)
        dice = dice_of(plan.seed, "ticket", index)
        writer = customer_index(plan, index)
        who = customer(plan, writer)
        words = language(who.language)
        intent = pick(dice, words.intents)
        voice = Voice(dice, words, intent, name=who.name, at=opened_at)
        draft = TicketDraft(
            key=plan.ticket_key(index),
            customer_index=writer,
            customer=who,
            subject=voice.subject(),
            priority=pick_weighted(dice, _PRIORITIES[intent.urgency]),
            assignee=self._desk.assign(dice),
            tags=intent.tags,
            created_at=opened_at,
        )
        self._hold(draft, voice)
        return draft

    def _hold(self, draft: TicketDraft, voice: Voice) -> None:
        """Write the messages, then let status and assignee follow from them."""
        dice = voice.dice
        wanted = self._plan.messages_per_ticket / (1 - _UNSAID_SHARE)
        turns = script(voice, draw_length(dice, wanted))
        pace = Pace(dice, draft.priority, draft.customer.channel, len(turns))
        age = self._plan.now - draft.created_at
        if age < timedelta(days=_BACKLOG_DAYS) and dice.random() < _BACKLOG_SHARE:
            turns = turns[: 1 + int(dice.random() * max(1, len(turns) - 1))]
        is_over = self._say(draft, voice, pace, turns)
        _receive(draft, pace, now=self._plan.now)
        _settle(draft, dice, is_over=is_over, now=self._plan.now)

    def _say(self, draft: TicketDraft, voice: Voice, pace: Pace, turns: list[Turn]) -> bool:
        """Append what was said until now; return whether the conversation came to its end."""
        at = draft.created_at
        for seq, turn in enumerate(turns, start=1):
            at = pace.next_at(at, turn) if seq > 1 else at
            if at > self._plan.now - _SETTLES:
                return False
            draft.messages.append(self._message(draft, voice, turn, seq, at))
        return turns[-1].resolves

    def _message(
        self, draft: TicketDraft, voice: Voice, turn: Turn, seq: int, at: datetime
    ) -> MessageDraft:
        author = None if turn.kind == _K.INBOUND else draft.assignee
        if turn.kind == _K.NOTE and voice.dice.random() < _HELPING_HAND_SHARE:
            author = self._desk.assign(voice.dice)
        assert draft.assignee is not None  # noqa: S101 - only `_settle` takes it away
        return MessageDraft(
            seq=seq,
            key=uuid_of(voice.dice),
            kind=turn.kind,
            body=voice.spoken(turn, agent=draft.assignee.name, at=at)[: Message.MAX_BODY_CHARS],
            author=author,
            status=Message.Status.DELIVERED,
            created_at=at,
            delivered_at=at,
            provider_id=None if turn.kind == _K.NOTE else f"{draft.key}:{seq}",
            document=turn.document,
        )


def _receive(draft: TicketDraft, pace: Pace, *, now: datetime) -> None:
    """Give every outbound message the receipts that its provider sent until `now`."""
    dice, answered_at = pace.dice, now
    for message in reversed(draft.messages):
        if message.kind == _K.INBOUND:
            answered_at = message.created_at
        elif message.kind == _K.OUTBOUND:
            _deliver(message, dice)
            _read(message, pace, until=answered_at)
            if dice.random() < _REFUSED_SHARE:
                _refuse(message, dice)


def _deliver(message: MessageDraft, dice: random.Random) -> None:
    message.sent_at = message.created_at + timedelta(milliseconds=150 + int(dice.random() * 900))
    message.delivered_at = message.sent_at + timedelta(milliseconds=300 + int(dice.random() * 4000))


def _read(message: MessageDraft, pace: Pace, *, until: datetime) -> None:
    """Mark it read where the channel tells, at the latest when the customer answered."""
    unread = pace.read_after()
    if unread is None or message.delivered_at is None:
        return
    read_at = message.delivered_at + unread
    if read_at < until:
        message.read_at, message.status = read_at, Message.Status.READ


def _refuse(message: MessageDraft, dice: random.Random) -> None:
    message.sent_at = message.delivered_at = message.read_at = message.provider_id = None
    message.status = Message.Status.FAILED
    message.failed_at = message.created_at + timedelta(milliseconds=200 + int(dice.random() * 2000))
    message.error = pick(dice, _REFUSALS)


def _settle(draft: TicketDraft, dice: random.Random, *, is_over: bool, now: datetime) -> None:
    """Derive status, times and assignee from the messages."""
    last = draft.last_said
    if draft.first_response_at is None and dice.random() < _UNASSIGNED_SHARE:
        draft.assignee = None
    if last.kind == _K.OUTBOUND:
        draft.status = _S.PENDING
    if is_over:
        _resolve(draft, dice, now=now)
    elif len(draft.messages) == 1:
        _forget(draft, now=now)


def _resolve(draft: TicketDraft, dice: random.Random, *, now: datetime) -> None:
    resolved_at = draft.messages[-1].created_at + timedelta(seconds=20 + int(dice.random() * 90))
    if draft.last_said.kind == _K.INBOUND:  # somebody has to see the thanks first
        resolved_at = after_working_minutes(resolved_at, 5 + int(dice.random() * 90))
    if resolved_at > now:
        return
    draft.status, draft.resolved_at = _S.RESOLVED, resolved_at
    closed_at = resolved_at + timedelta(days=7 + int(dice.random() * 21))
    if closed_at <= now and dice.random() < _CLOSED_SHARE:
        draft.status, draft.closed_at = _S.CLOSED, closed_at


def _forget(draft: TicketDraft, *, now: datetime) -> None:
    """Close what nobody ever answered, a month later."""
    closed_at = draft.created_at + timedelta(days=_FORGOTTEN_DAYS)
    if closed_at <= now:
        draft.status, draft.closed_at = _S.CLOSED, closed_at
