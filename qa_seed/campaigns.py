"""
Campaigns as rows: a draft, one that runs and one that is over, with recipients that agree.

The running one waits for its provider's daily limit with a handful of recipients left: whatever
sends campaigns finds nothing due at start-up, and tomorrow a few messages and not thousands.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from helpdesk.models import Campaign, CampaignRecipient, Channel
from qa_seed.dice import dice_of, pick_weighted, uuid_of
from qa_seed.people import Customer, customer, customer_index
from qa_seed.plan import Plan

_C, _R = Campaign.Status, CampaignRecipient.Status
_STATUSES: Final = (_C.DRAFT, _C.RUNNING, _C.FINISHED)
_TEXTS: Final = (
    ("Semana do cliente", "Semana do cliente na Casa Aurora: frete grátis até domingo 💙"),
    ("Pesquisa de satisfação", "Olá, {name}! Como foi seu último atendimento? Responda de 1 a 5."),
    ("Aviso de manutenção", "Nesta madrugada, das 2 h às 4 h, o app ficará fora do ar."),
    ("Volta às aulas", "Mochilas e cadernos com 15 % de desconto. Quer ver a lista?"),
    ("Novo horário das lojas", "A partir de segunda abrimos das 9 h às 19 h em todas as lojas."),
    ("Feliz aniversário", "Parabéns, {name}! 🎂 Um presente espera por você na sua conta."),
)
# A draft has no recipients: they are written down when it starts.
_SIZES: Final[dict[str, int]] = {_C.DRAFT: 0, _C.RUNNING: 40, _C.FINISHED: 120}
_LEFT_TO_SEND: Final = 5
_LOOKED_AT: Final = 800  # recipients are customers of the first tickets, written yet or not
_OUTCOMES: Final = {_R.DELIVERED: 0.94, _R.SENT: 0.03, _R.FAILED: 0.03}
_STARTED_AGO: Final[dict[str, timedelta]] = {
    _C.RUNNING: timedelta(minutes=40),
    _C.FINISHED: timedelta(days=19, hours=3),
}
_LIMIT_LASTS: Final = timedelta(hours=24)
_SPACING: Final = timedelta(minutes=1)


@dataclass(slots=True)
class RecipientDraft:
    """A recipient as it will be stored; the names are those of the model."""

    key: uuid.UUID
    customer_index: int
    customer: Customer
    body: str
    status: str = _R.PENDING
    attempts: int = 1
    next_attempt_at: datetime | None = None
    error: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    failed_at: datetime | None = None


@dataclass(slots=True)
class CampaignDraft:
    """A campaign as it will be stored; the names are those of the model."""

    key: str
    name: str
    channel: str
    body: str
    status: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    recipients: list[RecipientDraft]


def campaign(plan: Plan, index: int) -> CampaignDraft:
    """Return campaign `index` as it stands at the plan's `now`."""
    dice = dice_of(plan.seed, "campaign", index)
    status = _STATUSES[index % len(_STATUSES)]
    title, body = _TEXTS[index % len(_TEXTS)]
    channel = (Channel.WHATSAPP, Channel.EMAIL)[index // len(_TEXTS) % 2]
    started_at = _started_at(plan, status, index)
    recipients = [
        RecipientDraft(uuid_of(dice), number, who, body.format(name=who.name))
        for number, who in _audience(plan, channel, _SIZES[status])
    ]
    if started_at:
        _send(recipients, dice, status=status, started_at=started_at)
    return CampaignDraft(
        key=plan.campaign_key(index),
        name=title if index < len(_TEXTS) else f"{title} {index + 1}",
        channel=channel,
        body=body,
        status=status,
        created_at=(started_at or plan.now) - timedelta(days=1 + index, hours=2),
        started_at=started_at,
        finished_at=_finished_at(recipients, started_at) if status == _C.FINISHED else None,
        recipients=recipients,
    )


def _started_at(plan: Plan, status: str, index: int) -> datetime | None:
    if status == _C.DRAFT:
        return None
    earlier = (
        timedelta(days=7 * (index // len(_STATUSES))) if status == _C.FINISHED else timedelta()
    )
    return plan.now - _STARTED_AGO[status] - earlier


def _audience(plan: Plan, channel: str, size: int) -> Iterator[tuple[int, Customer]]:
    """Yield up to `size` different customers of a channel."""
    numbers = (customer_index(plan, index) for index in range(_LOOKED_AT))
    reached: set[int] = set()
    for number in numbers:
        if len(reached) == size:
            return
        if number not in reached and (who := customer(plan, number)).channel == channel:
            reached.add(number)
            yield number, who


def _send(
    recipients: list[RecipientDraft], dice: random.Random, *, status: str, started_at: datetime
) -> None:
    left = _LEFT_TO_SEND if status == _C.RUNNING else 0
    for number, recipient in enumerate(recipients):
        if number >= len(recipients) - left:
            _hold_back(recipient, until=started_at + _LIMIT_LASTS)
            continue
        at = started_at + number * _SPACING + timedelta(seconds=int(dice.random() * 50))
        opted_out_at = recipient.customer.opted_out_at
        if opted_out_at is not None and opted_out_at <= at:
            recipient.status, recipient.error = _R.SKIPPED, "The contact opted out."
            recipient.attempts = 0
        else:
            _land(recipient, dice, at)


def _hold_back(recipient: RecipientDraft, *, until: datetime) -> None:
    recipient.next_attempt_at = until
    recipient.error = "The provider's daily limit for new conversations is reached."


def _land(recipient: RecipientDraft, dice: random.Random, at: datetime) -> None:
    recipient.status = pick_weighted(dice, _OUTCOMES)
    if recipient.status == _R.FAILED:
        recipient.error = "The provider refused the message: the number does not exist."
        recipient.failed_at = at
        return
    recipient.sent_at = at
    if recipient.status == _R.DELIVERED:
        recipient.delivered_at = at + timedelta(milliseconds=300 + int(dice.random() * 4000))


def _finished_at(recipients: list[RecipientDraft], started_at: datetime | None) -> datetime | None:
    """Return a minute after the last recipient, or after the start of a campaign without any."""
    times = [recipient.delivered_at or recipient.sent_at for recipient in recipients]
    said = [at for at in [*times, started_at] if at is not None]
    return max(said) + _SPACING
