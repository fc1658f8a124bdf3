"""Reads of campaigns and their recipients: pages, one campaign, and the shape everybody sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from helpdesk.errors import HelpdeskError
from helpdesk.models import Campaign, CampaignRecipient
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none

_S = CampaignRecipient.Status
COUNTERS: Final = (_S.PENDING, _S.SENT, _S.DELIVERED, _S.FAILED, _S.SKIPPED)
_FIELDS: Final = (
    "id", "name", "channel", "status", "body", "rate_per_second", "error_ratio_limit", "audience",
    "pause_reason", "created_by_id", "created_by__name", "created_at", "started_at", "finished_at",
)  # fmt: skip
_RECIPIENT_FIELDS: Final = (
    "id", "contact_id", "contact__name", "contact__address", "key", "body", "status", "attempts",
    "next_attempt_at", "error", "sent_at", "delivered_at", "failed_at",
)  # fmt: skip


class CampaignNotFound(HelpdeskError):
    status = 404
    code = "not_found"


def list_newest(*, statuses: Iterable[str], cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` campaigns, newest first, that come after `cursor`.

    Two queries whatever the number of rows: campaigns, then the counters of all of them.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    rows = Campaign.objects.values(*_FIELDS)
    if wanted := list(statuses):
        rows = rows.filter(status__in=wanted)
    found, next_cursor = keyset.by_id(rows, kind="campaigns", cursor=cursor, limit=limit)
    counters = count_recipients(row["id"] for row in found)
    return keyset.Page(
        rows=[_shape(row, counters[row["id"]]) for row in found], next_cursor=next_cursor
    )


def get_one(*, campaign_id: int) -> dict[str, Any]:
    """
    Return one campaign in the shape of the API.

    :raises CampaignNotFound: if there is none with this id
    """
    row = Campaign.objects.filter(pk=campaign_id).values(*_FIELDS).first()
    if row is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return _shape(row, count_recipients([campaign_id])[campaign_id])


def list_recipients(
    *, campaign_id: int, statuses: Iterable[str], cursor: str, limit: int
) -> keyset.Page:
    """
    Return up to `limit` recipients of a campaign, in the order they were written down.

    :raises CampaignNotFound: if there is no such campaign
    :raises BadCursor: if `cursor` was not issued by this list
    """
    if not Campaign.objects.filter(pk=campaign_id).exists():
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    rows = CampaignRecipient.objects.filter(campaign_id=campaign_id).values(*_RECIPIENT_FIELDS)
    if wanted := list(statuses):
        rows = rows.filter(status__in=wanted)
    found, next_cursor = keyset.by_id(
        rows, kind="recipients", cursor=cursor, limit=limit, is_newest_first=False
    )
    return keyset.Page(rows=[_recipient_shape(row) for row in found], next_cursor=next_cursor)


def count_recipients(campaign_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return `total` and the number of recipients by status, by campaign."""
    counters: dict[int, dict[str, int]] = defaultdict(
        lambda: {"total": 0, **{str(status): 0 for status in COUNTERS}}
    )
    recipients = CampaignRecipient.objects.filter(campaign_id__in=list(campaign_ids))
    counted = recipients.values_list("campaign_id", "status").annotate(count=Count("id"))
    for campaign_id, status, count in counted.order_by("campaign_id", "status"):
        counters[campaign_id][status] = count
        counters[campaign_id]["total"] += count
    return counters


def with_work(*, now: datetime) -> QuerySet[Campaign]:
    """Return the running campaigns that have a recipient due at `now`, or nobody left at all."""
    return _running().filter(Exists(_pending(due=now)) | ~Exists(_pending()))


def with_somebody_due(*, now: datetime) -> QuerySet[Campaign]:
    """Return the running campaigns that have a recipient due at `now`."""
    return _running().filter(Exists(_pending(due=now)))


def with_nobody_left() -> QuerySet[Campaign]:
    """Return the running campaigns whose every recipient has met an end."""
    return _running().filter(~Exists(_pending()))


def count_unserved(*, late: datetime) -> int:
    """Return how many running campaigns had somebody to write to at `late`, and never did."""
    is_unserved = Q(bucket_at__isnull=True) | Q(bucket_at__lt=late)
    return _running().filter(is_unserved, Exists(_pending(due=late))).count()


def _running() -> QuerySet[Campaign]:
    return Campaign.objects.filter(status=Campaign.Status.RUNNING)


def _pending(*, due: datetime | None = None) -> QuerySet[CampaignRecipient]:
    pending = CampaignRecipient.objects.filter(campaign_id=OuterRef("pk"), status=_S.PENDING)
    return pending.filter(next_attempt_at__lte=due) if due else pending


def _shape(row: dict[str, Any], counters: dict[str, int]) -> dict[str, Any]:
    author = {"id": row["created_by_id"], "name": row["created_by__name"]}
    return {
        "id": row["id"],
        "name": row["name"],
        "channel": row["channel"],
        "status": row["status"],
        "body": row["body"],
        "rate_per_second": row["rate_per_second"],
        "error_ratio_limit": float(row["error_ratio_limit"]),
        "audience": row["audience"],
        "pause_reason": row["pause_reason"] or None,
        "counters": counters,
        "created_by": author if row["created_by_id"] else None,
        "created_at": moment(row["created_at"]),
        "started_at": moment_or_none(row["started_at"]),
        "finished_at": moment_or_none(row["finished_at"]),
    }


def _recipient_shape(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "contact": {
            "id": row["contact_id"],
            "name": row["contact__name"],
            "address": row["contact__address"],
        },
        "key": str(row["key"]),
        "body": row["body"],
        "status": row["status"],
        "attempts": row["attempts"],
        "next_attempt_at": moment_or_none(row["next_attempt_at"]),
        "error": row["error"] or None,
        "sent_at": moment_or_none(row["sent_at"]),
        "delivered_at": moment_or_none(row["delivered_at"]),
        "failed_at": moment_or_none(row["failed_at"]),
    }
