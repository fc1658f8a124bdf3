"""`campaign.updated`: at most one event a second and campaign, and never the last one lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from helpdesk import events
from helpdesk.models import Campaign
from helpdesk.selectors import campaigns as reads
from helpdesk.services import journal

ANNOUNCED_EVERY: Final = timedelta(seconds=1)


def mark(*, campaign_id: int) -> None:
    """
    Note that there is something to tell; the sweeper tells it within a second or two.

    Written even if it is noted already: an announcement under way may have counted before us.
    """
    Campaign.objects.filter(pk=campaign_id).update(is_changed=True)


@transaction.atomic
def tell(*, campaign_id: int, now: datetime) -> bool:
    """Announce a campaign as it is now, or mark it if it was announced less than a second ago."""
    quiet_since = now - ANNOUNCED_EVERY
    is_due = Q(announced_at__isnull=True) | Q(announced_at__lte=quiet_since)
    told = Campaign.objects.filter(is_due, pk=campaign_id).update(
        announced_at=now, is_changed=False
    )
    if told:
        shaped = reads.get_one(campaign_id=campaign_id)
        journal.record_apart(type=events.CAMPAIGN_UPDATED, data=shaped, now=now)
    else:
        mark(campaign_id=campaign_id)
    return bool(told)


def tell_changed(*, now: datetime) -> int:
    """Announce the marked campaigns whose second of quiet is over; return how many."""
    changed = Campaign.objects.filter(is_changed=True).values_list("pk", flat=True)
    return sum(tell(campaign_id=campaign_id, now=now) for campaign_id in changed)
