"""
What stands around the tickets as content: webhook endpoints, saved settings, acts in the log.

Nothing here touches the database. Both endpoints are switched off, so no event is ever sent to
them; their addresses are reserved and reach nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from helpdesk.models import WebhookDelivery
from qa_seed.conversations import CLOSED_WITHIN_DAYS, Author
from qa_seed.dice import dice_of, key_of
from qa_seed.drafts import TicketDraft
from qa_seed.people import DEMO_LOGINS, Colleague
from qa_seed.plan import WEB_DOMAIN, Plan

HOOK_URLS: Final = (f"https://erp.{WEB_DOMAIN}/steadydesk", f"https://bi.{WEB_DOMAIN}/webhooks")
SETTINGS: Final[dict[str, Any]] = {
    "auto_close_after_days": CLOSED_WITHIN_DAYS,
    "first_response_target_minutes": {"low": 960, "medium": 240, "high": 60, "urgent": 15},
}
_LOOKED_AT: Final = 300  # tickets
_TOLD_SINCE: Final = timedelta(days=20)
_TOLD_UNTIL: Final = timedelta(days=5)
_GAVE_UP: Final = "No success for five days; the last answer was 503."
_ACTS_AT_MOST: Final = 40
_S: Final = WebhookDelivery.Status


@dataclass(frozen=True, slots=True)
class Delivery:
    """The news that a ticket was opened, on its way to an endpoint."""

    key: str
    ticket: TicketDraft
    status: str
    attempts: int
    response_status: int
    latency_ms: int
    error: str
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook endpoint as it will be stored; the names are those of the model."""

    url: str
    description: str
    disabled_reason: str
    created_at: datetime
    deliveries: list[Delivery]


@dataclass(frozen=True, slots=True)
class Act:
    """An entry of the audit log; `trace_id` is how the seed knows it again."""

    trace_id: str
    actor_email: str
    action: str
    target_type: str
    target_email: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All of it."""

    hooks: list[Hook]
    acts: list[Act]


def surroundings(plan: Plan, author: Author, colleagues: list[Colleague]) -> Surroundings:
    """Return what stands around the tickets of a plan."""
    return Surroundings(hooks(plan, author), acts(plan, colleagues))


def hooks(plan: Plan, author: Author) -> list[Hook]:
    """Return one endpoint that worked until somebody switched it off, and one that gave up."""
    since = plan.now - timedelta(days=70)
    told = _told(plan, author)
    dice = dice_of(plan.seed, "hook", 0)
    return [
        Hook(
            HOOK_URLS[0], "Pedidos no ERP", "Desligado durante a migração do ERP.", since,
            [_delivered(draft, dice) for draft in told],
        ),
        Hook(
            HOOK_URLS[1], "Painel da diretoria", _GAVE_UP, since + timedelta(days=3),
            [_refused(draft, dice) for draft in told],
        ),
    ]  # fmt: skip


def _told(plan: Plan, author: Author) -> list[TicketDraft]:
    """Return tickets of the last weeks, the same in a larger desk, oldest first."""
    first, last = plan.now - _TOLD_SINCE, plan.now - _TOLD_UNTIL
    numbers = range(1, min(plan.tickets, _LOOKED_AT))
    recent = [number for number in numbers if first < author.opened_at(number) < last]
    return [author.ticket(number) for number in sorted(recent, key=author.opened_at)]


def _delivered(draft: TicketDraft, dice: random.Random) -> Delivery:
    latency_ms = 40 + int(dice.random() ** 3 * 900)
    done = draft.created_at + timedelta(milliseconds=latency_ms)
    return Delivery(key_of(dice), draft, _S.DELIVERED, 1, 200, latency_ms, "", done)


def _refused(draft: TicketDraft, dice: random.Random) -> Delivery:
    latency_ms = 200 + int(dice.random() * 900)
    error = "The endpoint answered 503."
    return Delivery(key_of(dice), draft, _S.FAILED, 10, 503, latency_ms, error, None)


def acts(plan: Plan, colleagues: list[Colleague]) -> list[Act]:
    """Return who made which account, and who changed the settings."""
    owner, admin = DEMO_LOGINS[0][0], DEMO_LOGINS[1][0]
    made = [
        _act(
            plan, f"user:{index}", actor=owner, action="user.create", target=person.email,
            after={"email": person.email, "role": str(person.role)}, at=person.created_at,
        )
        for index, person in enumerate(colleagues[1:_ACTS_AT_MOST], start=1)
    ]  # fmt: skip
    changed = _act(
        plan, "settings", actor=admin, action="settings.change", target="", after=SETTINGS,
        at=plan.now - timedelta(days=33),
    )  # fmt: skip
    return [*made, changed]


def _act(
    plan: Plan, name: str, *, actor: str, action: str, target: str, after: dict[str, Any],
    at: datetime,
) -> Act:  # fmt: skip
    return Act(
        trace_id=key_of(dice_of(plan.seed, f"act:{name}", 0)),
        actor_email=actor,
        action=action,
        target_type="user" if target else "settingsversion",
        target_email=target,
        before=None,
        after=after,
        created_at=at,
    )
