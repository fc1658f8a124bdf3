"""How a recipient travels: claimed with a token, then a status that only moves forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Func

from helpdesk.models import Campaign, CampaignRecipient, Message
from helpdesk.provider.client import NotCalled, ProviderError
from helpdesk.services import campaign_audience, campaign_news, campaigns, token_bucket
from helpdesk.services.delivery import backoff_seconds

_S = CampaignRecipient.Status
# A provider's late "delivered" proves that a "failed" was wrong; a skipped one may be on its way.
RANK: Final[dict[str, int]] = {
    _S.PENDING: 0, _S.SKIPPED: 1, _S.SENT: 2, _S.FAILED: 3, _S.DELIVERED: 4,
}  # fmt: skip
_TIME_OF: Final[dict[str, str]] = {
    _S.SENT: "sent_at", _S.DELIVERED: "delivered_at", _S.FAILED: "failed_at",
}  # fmt: skip
WINDOW: Final = 50
JUDGED_FROM: Final = 20  # fewer attempts prove nothing


class DatabaseClock(Func):
    """PostgreSQL's own time, so that workers on several machines share one clock."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one attempt: the provider's id, or why not; `is_unsent` if nobody was called."""

    recipient: CampaignRecipient
    provider_id: str = ""
    error: ProviderError | None = None
    is_unsent: bool = False


@transaction.atomic
def claim(*, campaign_id: int, wanted: int) -> list[CampaignRecipient] | None:
    """
    Take up to `wanted` due recipients for one attempt each, as the rate and the status allow.

    Returns None if another worker is at it or the campaign does not run, and an empty list if
    there is nobody due or no token. The campaign's row lock makes workers share one bucket, and
    a pause that was committed is seen. A claim ends with its lease, whatever becomes of us.
    """
    running = Campaign.objects.select_for_update(skip_locked=True, no_key=True)
    campaign = (
        running.filter(pk=campaign_id, status=Campaign.Status.RUNNING)
        .annotate(clock=DatabaseClock())
        .first()
    )
    if campaign is None:
        return None
    now: datetime = campaign.clock
    count, _ = _take(campaign, wanted, now)
    due = CampaignRecipient.objects.filter(
        campaign=campaign, status=_S.PENDING, next_attempt_at__lte=now
    )
    locked = due.select_for_update(skip_locked=True, no_key=True, of=("self",))
    found = list(locked.select_related("contact").order_by("next_attempt_at", "id")[:count])
    if found:
        _lease(found, now)
        _, bucket_at = _take(campaign, len(found), now)
        Campaign.objects.filter(pk=campaign_id).update(bucket_at=bucket_at)
    return found


def _take(campaign: Campaign, wanted: int, now: datetime) -> tuple[int, datetime]:
    return token_bucket.take(
        bucket_at=campaign.bucket_at,
        rate_per_second=campaign.rate_per_second,
        wanted=wanted,
        now=now,
    )


def _lease(recipients: list[CampaignRecipient], now: datetime) -> None:
    lease = now + timedelta(seconds=settings.HELPDESK["LEASE_SECONDS"])
    CampaignRecipient.objects.filter(pk__in=[recipient.pk for recipient in recipients]).update(
        attempts=F("attempts") + 1, lease_until=lease, next_attempt_at=lease
    )
    for recipient in recipients:
        recipient.attempts += 1


def is_lost(recipient: CampaignRecipient) -> bool:
    """Tell whether a claimed recipient had its last attempt before, and no answer came."""
    return recipient.attempts > int(settings.HELPDESK["MAX_ATTEMPTS"])


@transaction.atomic
def settle(*, campaign_id: int, results: list[Result], now: datetime) -> None:
    """
    Write down what came of claimed recipients of one campaign.

    The campaign's lock comes first, as in every move. When too large a share of the last 50
    attempts failed, the campaign pauses itself.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
    outcomes = "".join(_settle_one(result, now) for result in results)
    window = (campaign.recent_attempts + outcomes)[-WINDOW:]
    Campaign.objects.filter(pk=campaign_id).update(recent_attempts=window, is_changed=True)
    failures = window.count("x")
    if outcomes and len(window) >= JUDGED_FROM:
        ratio_limit = float(campaign.error_ratio_limit)
        if failures > ratio_limit * len(window):
            reason = (
                f"{failures} of the last {len(window)} attempts failed, more than "
                f"{ratio_limit:.0%}. The last answer: {_last_error(results)}"
            )
            campaigns.pause_by_itself(campaign_id=campaign_id, reason=reason, now=now)


def _last_error(results: list[Result]) -> str:
    return next((str(r.error) for r in reversed(results) if r.error), "a success.")


def _settle_one(result: Result, now: datetime) -> str:
    """Write one result down; return its mark in the window of attempts, if it is an attempt."""
    recipient = result.recipient
    if result.is_unsent or isinstance(result.error, NotCalled):
        _give_back(recipient, now, error=result.error)
        return ""
    if result.error is None:
        advance(recipient_id=recipient.pk, status=_S.SENT, at=now, provider_id=result.provider_id)
        return "."
    _retry_or_give_up(recipient, result.error, now)
    return "x"


def _claimed(recipient: CampaignRecipient) -> models.QuerySet[CampaignRecipient]:
    """Return the row if the claim still holds: nobody else has claimed it after us."""
    return CampaignRecipient.objects.filter(
        pk=recipient.pk, status=_S.PENDING, attempts=recipient.attempts
    )


def _give_back(recipient: CampaignRecipient, now: datetime, *, error: ProviderError | None) -> None:
    wait_seconds = (error.retry_after_seconds or 1.0) if error else 0.0
    _claimed(recipient).update(
        attempts=F("attempts") - 1,
        lease_until=None,
        next_attempt_at=now + timedelta(seconds=wait_seconds),
    )


def _retry_or_give_up(recipient: CampaignRecipient, error: ProviderError, now: datetime) -> None:
    if error.permanent or recipient.attempts >= settings.HELPDESK["MAX_ATTEMPTS"]:
        advance(recipient_id=recipient.pk, status=_S.FAILED, at=now, error=str(error))
        return
    wait_seconds = error.retry_after_seconds or backoff_seconds(recipient.attempts)
    _claimed(recipient).update(
        lease_until=None,
        next_attempt_at=now + timedelta(seconds=wait_seconds),
        error=str(error)[:300],
    )


def skip_opted_out(recipient: CampaignRecipient) -> None:
    """Skip a claimed recipient who opted out after the audience was written down."""
    _claimed(recipient).update(
        status=_S.SKIPPED,
        attempts=F("attempts") - 1,
        lease_until=None,
        next_attempt_at=None,
        error=campaign_audience.OPTED_OUT,
    )


@transaction.atomic
def advance(
    *, recipient_id: int, status: str, at: datetime, provider_id: str = "", error: str = ""
) -> bool:
    """
    Move a recipient forward to `status`, which it reached `at`; return whether it moved.

    Any order of the same events, repeated or not, ends in the same row.

    :raises CampaignRecipient.DoesNotExist: if there is no such recipient
    """
    current = CampaignRecipient.objects.select_for_update(no_key=True).get(pk=recipient_id)
    changes: dict[str, Any] = {}
    reached_at = getattr(current, _TIME_OF[status])
    if reached_at is None or at < reached_at:
        changes[_TIME_OF[status]] = at
    if provider_id and not current.provider_id:
        changes["provider_id"] = provider_id
    moves = RANK[status] > RANK[current.status]
    if moves:
        changes |= {"status": status, "error": error[:300]}
        changes |= {"next_attempt_at": None, "lease_until": None}
    if changes:
        CampaignRecipient.objects.filter(pk=recipient_id).update(**changes)
    return moves


def advance_by_key(*, key: str, status: str, **fields: Any) -> bool:
    """
    Move the recipient with this key forward, as the provider tells; return whether there is one.

    A campaign counts what was read as delivered.
    """
    found = CampaignRecipient.objects.filter(key=key).values_list("pk", "campaign_id").first()
    if found is None:
        return False
    recipient_id, campaign_id = found
    reached = _S.DELIVERED if status == Message.Status.READ else status
    if advance(recipient_id=recipient_id, status=reached, **fields):
        campaign_news.mark(campaign_id=campaign_id)
    return True
