"""
One turn of a dispatcher: for some seconds it claims, sends and settles for all running campaigns.

The claims and all writes are made by the turn's own thread, the calls to the provider by a few
others, so that a slow answer holds up neither the rate nor a pause.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from helpdesk import trace
from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.provider.client import Outgoing, Provider, ProviderError
from helpdesk.selectors import campaigns as reads
from helpdesk.services import campaign_recipients, campaigns, token_bucket
from helpdesk.services.campaign_recipients import Result

TURN_SECONDS: Final = 5.0  # and at most one provider deadline more: less than a soft time limit
CALLS_AT_ONCE: Final = 8
# A call for a dispatcher that nobody heard so long waits for a worker: the turn makes room.
YIELDS_AFTER: Final = timedelta(seconds=0.25)
_POLL_SECONDS: Final = 0.03


def take_turn(*, provider: Provider, seconds: float = TURN_SECONDS) -> int:
    """
    Send what is due, as the rates allow, for up to `seconds`; return how many calls were made.

    Ends early when nobody is due, or when the next dispatcher waits for a free worker. Campaigns
    with nobody left to write to are finished.
    """
    Campaign.objects.filter(rung_at__isnull=False, status=Campaign.Status.RUNNING).update(
        rung_at=None
    )
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="campaign") as pool:
        turn = _Turn(provider, pool)
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and turn.step():
            pass
        turn.land_all()
    for campaign_id in reads.with_nobody_left().values_list("pk", flat=True):
        campaigns.finish(campaign_id=campaign_id, now=timezone.now())
    return turn.calls


class _Turn:
    """What one turn has in the air."""

    def __init__(self, provider: Provider, pool: ThreadPoolExecutor) -> None:
        self.calls = 0
        self._provider = provider
        self._pool = pool
        self._in_air: set[Future[Result]] = set()
        self._own_bucket = timezone.now()

    def step(self) -> bool:
        """Claim and launch what may go now, land what came back; return whether to go on."""
        now = timezone.now()
        waiting = list(reads.with_somebody_due(now=now).values_list("pk", "rung_at"))
        if any(rung_at and rung_at < now - YIELDS_AFTER for _, rung_at in waiting):
            return False
        for campaign_id, _ in waiting:
            self._launch(campaign_id, wanted=self._free())
        self._land(within_seconds=_POLL_SECONDS)
        return bool(waiting or self._in_air)

    def _free(self) -> int:
        """Return how many more calls may be in the air, and how many this worker may make."""
        count, _ = self._own_tokens(CALLS_AT_ONCE - len(self._in_air))
        return count

    def _own_tokens(self, wanted: int) -> tuple[int, datetime]:
        return token_bucket.take(
            bucket_at=self._own_bucket,
            rate_per_second=settings.HELPDESK["CAMPAIGNS_RATE_PER_SECOND"],
            wanted=wanted,
            now=timezone.now(),
        )

    def _launch(self, campaign_id: int, *, wanted: int) -> None:
        if wanted < 1:
            return
        fresh_until = time.monotonic() + token_bucket.SEND_WITHIN_SECONDS
        claimed = campaign_recipients.claim(campaign_id=campaign_id, wanted=wanted) or []
        _, self._own_bucket = self._own_tokens(len(claimed))
        for recipient in claimed:
            if recipient.contact.opted_out_at is not None:
                campaign_recipients.skip_opted_out(recipient)
            else:
                self._in_air.add(self._pool.submit(_send, self._provider, recipient, fresh_until))
                self.calls += 1

    def land_all(self) -> None:
        """Wait for every call in the air; each ends by the provider's deadline."""
        while self._in_air:
            self._land(within_seconds=settings.HELPDESK["PROVIDER_DEADLINE_SECONDS"])

    def _land(self, *, within_seconds: float) -> None:
        if not self._in_air:
            time.sleep(within_seconds)
            return
        landed, self._in_air = wait(self._in_air, within_seconds, FIRST_COMPLETED)
        by_campaign: dict[int, list[Result]] = defaultdict(list)
        for call in landed:
            result = call.result()
            by_campaign[result.recipient.campaign_id].append(result)
        for campaign_id, results in by_campaign.items():
            campaign_recipients.settle(campaign_id=campaign_id, results=results, now=timezone.now())


def _send(provider: Provider, recipient: CampaignRecipient, fresh_until: float) -> Result:
    """Make one call, unless the claim has become too old for its place in the rate."""
    if campaign_recipients.is_lost(recipient):
        error = ProviderError("The last attempt never came back.", permanent=True)
        return Result(recipient=recipient, error=error)
    if time.monotonic() > fresh_until:
        return Result(recipient=recipient, is_unsent=True)
    message = Outgoing(
        key=recipient.key,
        channel=recipient.contact.channel,
        to=recipient.contact.address,
        body=recipient.body,
    )
    with trace.span("recipient.deliver", parent=recipient.traceparent, kind=trace.CONSUMER):
        try:
            return Result(recipient=recipient, provider_id=provider.send(message))
        except ProviderError as error:
            return Result(recipient=recipient, error=error)
