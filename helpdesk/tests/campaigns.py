"""Campaigns for tests: rows, and whoever moves them."""

from __future__ import annotations

from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from helpdesk.access import Role
from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.provider.http import get_provider
from helpdesk.services import campaign_sending, campaigns
from helpdesk.tests.factories import LONG_AGO, ContactFactory, UserFactory


class CampaignFactory(DjangoModelFactory[Campaign]):
    class Meta:
        model = Campaign

    name = factory.Sequence(lambda n: f"News {n}")
    channel = "whatsapp"
    body = "Olá, {name}!"
    audience = factory.LazyFunction(lambda: {"channel": "whatsapp"})
    rate_per_second = 500
    created_at = LONG_AGO


class RecipientFactory(DjangoModelFactory[CampaignRecipient]):
    """A recipient of a running campaign who is due."""

    class Meta:
        model = CampaignRecipient

    campaign = factory.SubFactory(CampaignFactory, status="running", started_at=LONG_AGO)
    contact = factory.SubFactory(ContactFactory)
    body = "Olá!"
    next_attempt_at = LONG_AGO


def move(campaign: Campaign, action: str) -> dict[str, Any]:
    """Make a move as a manager, now, and read the row back."""
    manager = UserFactory.create(role=Role.ADMIN)
    shaped = campaigns.move(
        campaign_id=campaign.pk, action=action, actor=manager, now=timezone.now()
    )
    campaign.refresh_from_db()
    return shaped


def take_turn(seconds: float = 15.0) -> int:
    """Do what a worker does with one call of the dispatcher; it ends when nobody is due."""
    return campaign_sending.take_turn(provider=get_provider(), seconds=seconds)


def make_due(campaign: Campaign) -> None:
    """Let the waits and leases of those who are pending be over."""
    pending = CampaignRecipient.objects.filter(campaign=campaign, status="pending")
    pending.update(next_attempt_at=timezone.now())


def statuses(campaign: Campaign) -> list[str]:
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by("id")
    return list(rows.values_list("status", flat=True))
