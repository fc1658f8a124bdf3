"""Who a campaign writes to: written down once, skipped or queued again in whole sets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from helpdesk import trace
from helpdesk.models import Campaign, CampaignRecipient, Contact, Ticket

MAX_AUDIENCE: Final = 100_000
OPTED_OUT: Final = "The contact opted out."
CANCELLED: Final = "The campaign was cancelled."
_R = CampaignRecipient.Status
# One statement: the audience is whole or not there, and its words are those of this moment.
_WRITE_DOWN: Final = """
INSERT INTO helpdesk_campaignrecipient
    (campaign_id, contact_id, key, body, status, attempts, next_attempt_at, provider_id, error,
     traceparent)
SELECT %s, contact.id, gen_random_uuid(), replace(%s, '{{name}}', contact.name),
    CASE WHEN contact.opted_out_at IS NULL THEN 'pending' ELSE 'skipped' END, 0,
    CASE WHEN contact.opted_out_at IS NULL THEN %s::timestamptz END, '',
    CASE WHEN contact.opted_out_at IS NULL THEN '' ELSE %s END, %s
FROM ({contacts}) AS contact ORDER BY contact.id
ON CONFLICT (campaign_id, contact_id) DO NOTHING
"""


def contacts_of(audience: dict[str, Any]) -> QuerySet[Contact]:
    """
    Return the contacts of an audience, oldest first: all of `channel`, who have a ticket tagged
    `tag`, whose name or address holds `q`, at most `limit`.
    """
    contacts = Contact.objects.filter(channel=audience["channel"])
    if tag := audience.get("tag"):
        contacts = contacts.filter(
            Exists(Ticket.objects.filter(contact=OuterRef("pk"), tags__contains=[tag]))
        )
    if q := audience.get("q"):
        contacts = contacts.filter(Q(name__icontains=q) | Q(address__icontains=q))
    return contacts.order_by("id")[: min(audience.get("limit") or MAX_AUDIENCE, MAX_AUDIENCE)]


def write_down(*, campaign_id: int, now: datetime) -> int:
    """
    Write the audience down, each with the words and the key it keeps; return how many.

    Contacts who opted out are written down as skipped. The caller's transaction may take 30 s.
    """
    campaign = Campaign.objects.get(pk=campaign_id)
    audience = {"channel": campaign.channel, **campaign.audience}
    chosen = contacts_of(audience).values("id", "name", "opted_out_at")
    contacts, parameters = chosen.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '30s'")
        cursor.execute(
            _WRITE_DOWN.format(contacts=contacts),
            [campaign_id, campaign.body, now, OPTED_OUT, trace.traceparent(), *parameters],
        )
        written: int = cursor.rowcount
    return written


def skip_pending(*, campaign_id: int) -> int:
    """
    Skip whoever still waits; return how many.

    One that is being sent at this moment is skipped too, and rises to sent when the call returns.
    """
    pending = CampaignRecipient.objects.filter(campaign_id=campaign_id, status=_R.PENDING)
    return pending.update(
        status=_R.SKIPPED, error=CANCELLED, next_attempt_at=None, lease_until=None
    )


def requeue_failed(*, campaign_id: int, now: datetime) -> int:
    """Make whoever failed due again, with the same key and all attempts; return how many."""
    failed = CampaignRecipient.objects.filter(campaign_id=campaign_id, status=_R.FAILED)
    return failed.update(
        status=_R.PENDING, attempts=0, next_attempt_at=now, lease_until=None, error="",
        failed_at=None,
    )  # fmt: skip
