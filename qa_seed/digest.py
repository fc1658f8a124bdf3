"""
A fingerprint of the content, without ids and file bytes: equal for equal plans anywhere.

Every entity has its own, and they are added up, so the order and the batches do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from qa_seed.campaigns import CampaignDraft
from qa_seed.people import Colleague

if TYPE_CHECKING:
    from qa_seed.surroundings import Act, Hook  # which are written in terms of lines

_BYTES: Final = 16


def fingerprint(values: Iterable[str]) -> int:
    """Return the fingerprint of one entity."""
    # The unit separator cannot occur in what is written, so fields never run together.
    found = blake2b("\x1f".join(values).encode(), digest_size=_BYTES).digest()
    return int.from_bytes(found)


def of_staff(person: Colleague) -> int:
    return fingerprint(
        map(str, (person.email, person.name, person.role, person.is_active, person.created_at))
    )


def of_campaign(draft: CampaignDraft) -> int:
    told: list[Any] = [draft.key, draft.name, draft.channel, draft.body, draft.status]
    told += [draft.created_at, draft.started_at, draft.finished_at]
    for recipient in draft.recipients:
        told += [recipient.customer.address, recipient.key, recipient.status, recipient.body]
        told += [recipient.error, recipient.sent_at, recipient.delivered_at]
    return fingerprint(map(str, told))


def of_hook(hook: Hook) -> int:
    told: list[Any] = [hook.url, hook.description, hook.disabled_reason, hook.created_at]
    for found in hook.deliveries:
        told += [found.ticket.key, found.key, found.status, found.latency_ms, found.delivered_at]
    return fingerprint(map(str, told))


def of_act(act: Act) -> int:
    told = (act.trace_id, act.actor_email, act.action, act.target_email, act.after, act.created_at)
    return fingerprint(map(str, told))


def text(total: int) -> str:
    """Return added fingerprints in hexadecimal."""
    return f"{total % 2 ** (8 * _BYTES):0{2 * _BYTES}x}"
