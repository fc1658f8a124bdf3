"""
One ticket with all its messages, from chance and the clock to rows that agree with each other.

Nothing here touches the database. A conversation is first written to its end; what lies after
`now` is cut, and the status follows from what is left, so the two can never disagree.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Message, Ticket
from qa_seed.desk import Desk, Team
from qa_seed.dice import dice_of, draw_length, few_dice_of, key_of, pick, pick_weighted
from qa_seed.drafts import MessageDraft, TicketDraft
from qa_seed.grammar import language
from qa_seed.pace import Pace
from qa_seed.people import customer, customer_index
from qa_seed.plan import ANCHOR_AGE, HISTORY_DAYS, Plan
from qa_seed.receipts import hold_back, receive
from qa_seed.turns import Turn, Voice, script
from qa_seed.working_time import SAO_PAULO, Arrivals, after_working_minutes

_P, _S, _K = Ticket.Priority, Ticket.Status, Message.Kind
_PRIORITIES: Final[dict[str, dict[str, float]]] = {
    "low": {_P.LOW: 0.6, _P.MEDIUM: 0.33, _P.HIGH: 0.06, _P.URGENT: 0.01},
    "medium": {_P.LOW: 0.18, _P.MEDIUM: 0.6, _P.HIGH: 0.18, _P.URGENT: 0.04},
    "high": {_P.LOW: 0.06, _P.MEDIUM: 0.34, _P.HIGH: 0.48, _P.URGENT: 0.12},
    "urgent": {_P.LOW: 0.0, _P.MEDIUM: 0.1, _P.HIGH: 0.35, _P.URGENT: 0.55},
}
# A message said this close to `now` would have receipts in the future.
_SETTLES: Final = timedelta(seconds=30)
_BACKLOG_AGE, _BACKLOG_SHARE = timedelta(days=40), 0.42
_UNSAID_SHARE: Final = 0.11  # what `now` and the backlog leave unsaid of the scripts, measured
_UNASSIGNED_SHARE: Final = 0.7
_HELPING_HAND_SHARE: Final = 0.3
CLOSED_WITHIN_DAYS: Final = 21
_FORGOTTEN: Final = timedelta(days=30)
# Only tickets below this number may hold messages that wait, so that they stay a handful.
_MAY_WAIT: Final = 300
_WAITS_AT_MOST: Final = timedelta(days=3)


class Author:
    """Writes the conversations of a plan."""

    def __init__(self, plan: Plan, desk: Desk) -> None:
        self._plan = plan
        self._desk = desk
        self._now = plan.now.astimezone(SAO_PAULO)  # times of one zone compare faster
        self._latest = self._now - 4 * _SETTLES
        self._wanted = plan.messages_per_ticket / (1 - _UNSAID_SHARE)
        self._arrivals = Arrivals(plan.now, days=HISTORY_DAYS)

    def opened_at(self, index: int) -> datetime:
        """Return when ticket `index` was opened, without writing it."""
        if index == 0:
            return self._now - ANCHOR_AGE
        drawn = self._arrivals.draw(few_dice_of(self._plan.seed, "arrival", index))
        return min(drawn, self._latest)

    def ticket(self, index: int) -> TicketDraft:
        """Return ticket `index` as it stands at the plan's `now`."""
        plan, opened_at = self._plan, self.opened_at(index)
        dice = dice_of(plan.seed, "ticket", index)
        writer = customer_index(plan, index)
        who = customer(plan, writer)
        words = language(who.language)
        team = self._desk.team_of(index)
        intent = pick(dice, words.intents)
        voice = Voice(dice, words, intent, name=who.name, at=opened_at)
        draft = TicketDraft(
            index=index,
            key=plan.ticket_key(index),
            customer_index=writer,
            customer=who,
            subject=voice.subject(),
            priority=pick_weighted(dice, _PRIORITIES[intent.urgency]),
            assignee=team.assign(dice),
            tags=intent.tags,
            created_at=opened_at,
        )
        self._hold(draft, voice, team)
        return draft

    def _hold(self, draft: TicketDraft, voice: Voice, team: Team) -> None:
        """Write the messages, then let status and assignee follow from them."""
        dice = voice.dice
        turns = script(voice, draw_length(dice, self._wanted))
        pace = Pace(dice, draft.priority, draft.customer.channel, len(turns))
        if self._now - draft.created_at < _BACKLOG_AGE and dice.random() < _BACKLOG_SHARE:
            turns = turns[: 1 + int(dice.random() * max(1, len(turns) - 1))]
        is_over = self._say(draft, _Speakers(draft, voice, team), pace, turns)
        receive(draft.messages, pace, dice, now=self._now)
        _settle(draft, dice, is_over=is_over, now=self._now)
        if draft.index < _MAY_WAIT and draft.status == _S.PENDING:
            self._hold_back(draft.messages[-1], dice)

    def _say(self, draft: TicketDraft, speakers: _Speakers, pace: Pace, turns: list[Turn]) -> bool:
        """Append what was said until now; return whether the conversation came to its end."""
        at, until = draft.created_at, self._now - _SETTLES
        for seq, turn in enumerate(turns, start=1):
            at = pace.next_at(at, turn) if seq > 1 else at
            if at > until:
                return False
            draft.messages.append(speakers.message(turn, seq, at))
        return turns[-1].resolves

    def _hold_back(self, message: MessageDraft, dice: random.Random) -> None:
        is_fresh = self._now - message.created_at < _WAITS_AT_MOST
        if is_fresh and message.kind == _K.OUTBOUND and not message.failed_at:
            hold_back(message, dice, now=self._now)


@dataclass(slots=True)
class _Speakers:
    """Who speaks in a ticket: its customer, its agent and whoever of the team helps."""

    draft: TicketDraft
    voice: Voice
    team: Team

    def message(self, turn: Turn, seq: int, at: datetime) -> MessageDraft:
        """Return `turn` as somebody says it."""
        draft, dice = self.draft, self.voice.dice
        author = None if turn.kind == _K.INBOUND else draft.assignee
        if turn.kind == _K.NOTE and dice.random() < _HELPING_HAND_SHARE:
            author = self.team.assign(dice)
        agent = draft.assignee.name if draft.assignee else ""  # only `_settle` takes it away
        return MessageDraft(
            seq=seq,
            key=key_of(dice),
            kind=turn.kind,
            body=self.voice.spoken(turn, agent=agent, at=at)[: Message.MAX_BODY_CHARS],
            author=author,
            status=Message.Status.DELIVERED,
            created_at=at,
            delivered_at=at,
            provider_id=None if turn.kind == _K.NOTE else f"{draft.key}:{seq}",
            document=turn.document,
        )


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
    # All of them within the `auto_close_after_days` of the saved settings; else housekeeping would
    # close the rest at the first start and put them on top of the inbox.
    closed_at = resolved_at + timedelta(days=7 + int(dice.random() * (CLOSED_WITHIN_DAYS - 6)))
    if closed_at <= now:
        draft.status, draft.closed_at = _S.CLOSED, closed_at


def _forget(draft: TicketDraft, *, now: datetime) -> None:
    """Close what nobody ever answered, a month later."""
    closed_at = draft.created_at + _FORGOTTEN
    if closed_at <= now:
        draft.status, draft.closed_at = _S.CLOSED, closed_at
