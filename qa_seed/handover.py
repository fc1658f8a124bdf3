"""Small JSON files for those who load and click: who may log in, and what there is to open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from django.db.models import QuerySet

from helpdesk.models import Campaign, Ticket, User
from qa_seed.people import DEMO_LOGINS, PASSWORD
from qa_seed.plan import KEY_PREFIX, STAFF_DOMAIN

ACCOUNTS_AT_MOST: Final = 500
IDS_AT_MOST: Final = 100


def write_accounts(path: Path) -> int:
    """Write `[{"email", "password", "role"}]`, the demo logins first; return how many."""
    demo = [email for email, _, _ in DEMO_LOGINS]
    active = User.objects.filter(is_active=True)
    seeded = active.filter(email__endswith=f"@{STAFF_DOMAIN}").order_by("id")[:ACCOUNTS_AT_MOST]
    rows = [*active.filter(email__in=demo).order_by("id"), *seeded]
    _write(path, [{"email": u.email, "password": PASSWORD, "role": u.role} for u in rows])
    return len(rows)


def write_ids(path: Path) -> None:
    """Write ids by what they are good for: open tickets, long ones, campaigns by status."""
    tickets = Ticket.objects.filter(seed_key__startswith=KEY_PREFIX)
    still_open = tickets.filter(status__in=[Ticket.Status.OPEN, Ticket.Status.PENDING])
    campaigns = Campaign.objects.filter(seed_key__startswith=KEY_PREFIX).order_by("id")
    by_status: dict[str, list[int]] = {}
    for status, campaign_id in campaigns.values_list("status", "pk"):
        by_status.setdefault(status, []).append(campaign_id)
    found = {
        "open_tickets": _ids(still_open.order_by("-last_activity_at", "-id")),
        "long_tickets": _ids(tickets.order_by("-message_count", "id")),
        "campaigns": by_status,
    }
    _write(path, found)


def _ids(rows: QuerySet[Ticket]) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:IDS_AT_MOST])


def _write(path: Path, content: Any) -> None:
    """Write the whole file or none: a reader beside us never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps(content, indent=1) + "\n")
    draft.replace(path)
