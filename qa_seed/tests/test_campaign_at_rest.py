"""The seeded campaigns beside the engine that sends them: nothing to do at start-up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.selectors import campaigns as reads
from helpdesk.selectors import jobs
from helpdesk.services import campaigns, recovery

pytestmark = pytest.mark.django_db


def test_the_seeded_campaigns_call_no_dispatcher_today_and_five_recipients_tomorrow(seed):
    seed(tickets=300, campaigns=3, now=None)  # the engine's clock is the machine's
    running = Campaign.objects.get(status="running")
    pending = CampaignRecipient.objects.filter(campaign=running, status="pending")
    last_due = pending.latest("next_attempt_at").next_attempt_at
    assert last_due is not None

    assert recovery.ring_campaigns(now=timezone.now()) == 0
    assert jobs.count_stalled(now=timezone.now())["campaigns"] == 0
    assert not campaigns.finish(campaign_id=running.pk, now=timezone.now())
    assert pending.count() == 5
    assert list(reads.with_work(now=last_due + timedelta(seconds=1))) == [running]
