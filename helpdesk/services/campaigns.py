"""Writes of campaigns: drafting them, and the one state machine of their moves."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from django.db import transaction

from helpdesk import dispatch
from helpdesk.errors import HelpdeskError
from helpdesk.models import Campaign, CampaignRecipient, User
from helpdesk.selectors import campaigns as reads
from helpdesk.services import audit, campaign_audience, campaign_news

_S, _R = Campaign.Status, CampaignRecipient.Status
START, PAUSE, RESUME, CANCEL, RETRY_FAILED, FINISH = (
    "start", "pause", "resume", "cancel", "retry-failed", "finish",
)  # fmt: skip
# Move → from which status → to which. People make all of them but `finish`.
CAMPAIGN_MOVES: Final[dict[str, dict[str, str]]] = {
    START: {_S.DRAFT: _S.RUNNING},
    PAUSE: {_S.RUNNING: _S.PAUSED},
    RESUME: {_S.PAUSED: _S.RUNNING},
    CANCEL: dict.fromkeys((_S.DRAFT, _S.RUNNING, _S.PAUSED), _S.CANCELLED),
    RETRY_FAILED: {_S.RUNNING: _S.RUNNING, _S.PAUSED: _S.PAUSED, _S.FINISHED: _S.RUNNING},
    FINISH: {_S.RUNNING: _S.FINISHED},
}
MADE_BY_PEOPLE: Final = (START, PAUSE, RESUME, CANCEL, RETRY_FAILED)


class CampaignMoveForbidden(HelpdeskError):
    status = 409
    code = "invalid_transition"


@transaction.atomic
def create(
    *,
    name: str,
    body: str,
    audience: dict[str, Any],
    rate_per_second: int,
    error_ratio_limit: float,
    actor: User,
    now: datetime,
    request_ip: str | None = None,
) -> dict[str, Any]:
    """
    Draft a campaign for the `audience` (`channel`, and optionally `tag`, `q` and `limit`).

    Nobody is written down before it starts. Returns it in the shape of the API.
    """
    campaign = Campaign.objects.create(
        name=name,
        channel=audience["channel"],
        body=body,
        audience=audience,
        rate_per_second=rate_per_second,
        error_ratio_limit=Decimal(str(error_ratio_limit)),
        created_by=actor,
        created_at=now,
    )
    after = {"name": name, "audience": audience, "rate_per_second": rate_per_second}
    audit.record(
        actor=actor,
        action="campaign.create",
        target=campaign,
        after=after,
        request_ip=request_ip,
        now=now,
    )
    campaign_news.tell(campaign_id=campaign.pk, now=now)
    return reads.get_one(campaign_id=campaign.pk)


@transaction.atomic
def move(
    *, campaign_id: int, action: str, actor: User, now: datetime, request_ip: str | None = None
) -> dict[str, Any]:
    """
    Make one of the moves in `MADE_BY_PEOPLE`; return the campaign in the shape of the API.

    The first start writes the audience down; a cancel skips whoever was not written to; a
    retry of a campaign in which nobody failed changes nothing.

    :raises CampaignNotFound: if there is no such campaign
    :raises CampaignMoveForbidden: if its status forbids the move; nothing is written
    """
    failed = CampaignRecipient.objects.filter(campaign_id=campaign_id, status=_R.FAILED)
    if action == RETRY_FAILED and not failed.exists():
        target_of(action, _status(campaign_id))
        return reads.get_one(campaign_id=campaign_id)
    before, after = _swap(campaign_id, action, _fields(action, actor, now))
    if action == START:
        campaign_audience.write_down(campaign_id=campaign_id, now=now)
    elif action == CANCEL:
        campaign_audience.skip_pending(campaign_id=campaign_id)
    elif action == RETRY_FAILED:
        campaign_audience.requeue_failed(campaign_id=campaign_id, now=now)
    if after == _S.RUNNING:
        transaction.on_commit(partial(ring, campaign_ids=[campaign_id], now=now), robust=True)
    audit.record(
        actor=actor,
        action=f"campaign.{action}",
        target=Campaign(pk=campaign_id),
        before={"status": before},
        after={"status": after},
        request_ip=request_ip,
        now=now,
    )
    campaign_news.tell(campaign_id=campaign_id, now=now)
    return reads.get_one(campaign_id=campaign_id)


def target_of(action: str, status: str) -> str:
    """
    Return the status that `action` leads to.

    :raises CampaignMoveForbidden: if `status` forbids it
    """
    target = CAMPAIGN_MOVES[action].get(status)
    if target is None:
        allowed = [name for name in MADE_BY_PEOPLE if status in CAMPAIGN_MOVES[name]]
        moves = ", ".join(allowed) or "nothing"
        raise CampaignMoveForbidden(f"A campaign that is {status} cannot {action}, but {moves}.")
    return target


def _swap(campaign_id: int, action: str, fields: dict[str, Any]) -> tuple[str, str]:
    """Change the status by a conditional UPDATE; return what it was and is."""
    while True:
        before = _status(campaign_id)
        after = target_of(action, before)
        if Campaign.objects.filter(pk=campaign_id, status=before).update(status=after, **fields):
            return before, after
        # Somebody moved it between the two statements: look again.


def _status(campaign_id: int) -> str:
    status = Campaign.objects.filter(pk=campaign_id).values_list("status", flat=True).first()
    if status is None:
        raise reads.CampaignNotFound(f"There is no campaign {campaign_id}.")
    return status


def _fields(action: str, actor: User, now: datetime) -> dict[str, Any]:
    """Return what else a move changes in the row; an empty bucket begins the rate anew."""
    runs = {"bucket_at": now, "recent_attempts": "", "rung_at": now}
    changes: dict[str, dict[str, Any]] = {
        START: {"started_at": now, **runs},
        PAUSE: {"pause_reason": f"Paused by {actor}."[:300]},
        RESUME: {"pause_reason": "", **runs},
        CANCEL: {"pause_reason": "", "finished_at": now},
        RETRY_FAILED: {"finished_at": None, **runs},
    }
    return changes[action]


def ring(*, campaign_ids: list[int], now: datetime) -> bool:
    """Call a dispatcher; if the broker is deaf, let the next sweep call it."""
    rung = dispatch.enqueue(dispatch.DISPATCH_CAMPAIGNS, due_at=now)
    if not rung:
        Campaign.objects.filter(pk__in=campaign_ids).update(rung_at=None)
    return rung


@transaction.atomic
def pause_by_itself(*, campaign_id: int, reason: str, now: datetime) -> bool:
    """Pause a running campaign because of what it sees; return whether it was running."""
    paused = Campaign.objects.filter(pk=campaign_id, status=_S.RUNNING).update(
        status=CAMPAIGN_MOVES[PAUSE][_S.RUNNING], pause_reason=reason[:300]
    )
    if paused:
        _note_own_move(campaign_id, PAUSE, reason, now)
    return bool(paused)


@transaction.atomic
def finish(*, campaign_id: int, now: datetime) -> bool:
    """Finish a running campaign that has nobody left to write to; return whether it did."""
    running = Campaign.objects.select_for_update(no_key=True).filter(status=_S.RUNNING)
    if running.filter(pk=campaign_id).first() is None:
        return False
    # Asked after the lock: a retry of failed recipients holds it while it adds some.
    if CampaignRecipient.objects.filter(campaign_id=campaign_id, status=_R.PENDING).exists():
        return False
    Campaign.objects.filter(pk=campaign_id).update(
        status=CAMPAIGN_MOVES[FINISH][_S.RUNNING], finished_at=now
    )
    _note_own_move(campaign_id, FINISH, "", now)
    return True


def _note_own_move(campaign_id: int, action: str, reason: str, now: datetime) -> None:
    audit.record(
        actor=None,
        action=f"campaign.{action}",
        target=Campaign(pk=campaign_id),
        before={"status": _S.RUNNING},
        after={"status": CAMPAIGN_MOVES[action][_S.RUNNING], "reason": reason},
        now=now,
    )
    campaign_news.tell(campaign_id=campaign_id, now=now)
