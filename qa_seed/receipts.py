"""What providers tell about messages: sent, delivered, read, refused, or not yet."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Channel, Message
from qa_seed.dice import pick
from qa_seed.drafts import MessageDraft
from qa_seed.pace import Pace

_S, _K = Message.Status, Message.Kind
_REFUSED_SHARE: Final = 0.004
# Mail servers take a message and often never tell what became of it.
_UNCONFIRMED_SHARE: Final[dict[str, float]] = {Channel.EMAIL: 0.3}
_REFUSALS: Final = (
    "The provider refused the message: the recipient is not on this channel.",
    "The provider refused the message: the recipient blocked the sender.",
    "The provider refused the message: the conversation window is over.",
)
_HELD_FOR: Final = timedelta(days=7)
_HELD: Final = "The provider asked to wait: the message template is under review."


def receive(
    messages: list[MessageDraft], pace: Pace, dice: random.Random, *, now: datetime
) -> None:
    """Give every outbound message the receipts that its provider sent until `now`."""
    answered_at = now
    unconfirmed = _UNCONFIRMED_SHARE.get(pace.channel, 0.0)
    for message in reversed(messages):
        if message.kind == _K.INBOUND:
            answered_at = message.created_at
        elif message.kind == _K.OUTBOUND:
            chance = dice.random()
            if chance < _REFUSED_SHARE:
                _refuse(message, dice)
            elif chance > 1 - unconfirmed:
                _send(message, dice)
            else:
                _deliver(message, dice)
                _read(message, pace, until=answered_at)


def hold_back(message: MessageDraft, dice: random.Random, *, now: datetime) -> None:
    """
    Let a message wait for its provider until a week after `now`, claimed or not.

    So every status has rows, and nothing is due when a desk starts.
    """
    message.sent_at = message.delivered_at = message.read_at = message.provider_id = None
    message.error, message.next_attempt_at = _HELD, now + _HELD_FOR
    message.status = _S.QUEUED
    if dice.random() < 0.5:  # noqa: PLR2004
        message.status, message.lease_until = _S.SENDING, message.next_attempt_at


def _send(message: MessageDraft, dice: random.Random) -> datetime:
    message.sent_at = message.created_at + timedelta(milliseconds=150 + int(dice.random() * 900))
    message.delivered_at, message.status = None, _S.SENT
    return message.sent_at


def _deliver(message: MessageDraft, dice: random.Random) -> None:
    sent_at = _send(message, dice)
    message.delivered_at = sent_at + timedelta(milliseconds=300 + int(dice.random() * 4000))
    message.status = _S.DELIVERED


def _read(message: MessageDraft, pace: Pace, *, until: datetime) -> None:
    """Mark it read where the channel tells, at the latest when the customer answered."""
    unread = pace.read_after()
    if unread is None or message.delivered_at is None:
        return
    read_at = message.delivered_at + unread
    if read_at < until:
        message.read_at, message.status = read_at, _S.READ


def _refuse(message: MessageDraft, dice: random.Random) -> None:
    message.sent_at = message.delivered_at = message.read_at = message.provider_id = None
    message.status = _S.FAILED
    message.failed_at = message.created_at + timedelta(milliseconds=200 + int(dice.random() * 2000))
    message.error = pick(dice, _REFUSALS)
