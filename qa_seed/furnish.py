"""What stands around the tickets becomes rows: endpoints, settings, the audit log, the days."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db.models import F

from helpdesk import events
from helpdesk.models import (
    AuditEntry,
    DailyMetric,
    Setting,
    SettingsVersion,
    Ticket,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from helpdesk.selectors.keyset import moment
from helpdesk.services import daily
from qa_seed.copying import copy_in
from qa_seed.people import DEMO_LOGINS
from qa_seed.surroundings import HOOK_URLS, SETTINGS, Act, Delivery, Hook, Surroundings

COUNTED: Final = ("webhook endpoints", "deliveries", "settings", "audit entries", "days")
DAYS: Final = 30
_ADMIN: Final = DEMO_LOGINS[1][0]


def furnish(found: Surroundings, *, now: datetime) -> Counter[str]:
    """Create what is missing; return how much, by plural noun. The caller holds the transaction."""
    admin_id = User.objects.get(email=_ADMIN).pk
    created = _add_hooks(missing_hooks(found.hooks), admin_id)
    created["settings"] += _add_settings(now, admin_id)
    created["audit entries"] += _add_acts(found.acts)
    return created


def missing_hooks(found: list[Hook]) -> list[Hook]:
    """Return those endpoints that were not stored yet."""
    known = set(WebhookEndpoint.objects.filter(url__in=HOOK_URLS).values_list("url", flat=True))
    return [hook for hook in found if hook.url not in known]


def missing_settings() -> list[str]:
    """Return the keys that nobody set; what people chose is left alone."""
    known = set(Setting.objects.filter(key__in=SETTINGS).values_list("key", flat=True))
    return [key for key in SETTINGS if key not in known]


def missing_acts(found: list[Act]) -> list[Act]:
    """Return those acts that the log does not hold yet."""
    stored = AuditEntry.objects.filter(trace_id__in=[act.trace_id for act in found])
    known = set(stored.values_list("trace_id", flat=True))
    return [act for act in found if act.trace_id not in known]


def missing_days(now: datetime) -> list[date]:
    """Return those of the last thirty days that nobody counted yet."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    known = set(DailyMetric.objects.filter(date__in=days).values_list("date", flat=True))
    return [day for day in days if day not in known]


def count_days(now: datetime) -> int:
    """Count the missing days from their rows, and the synthetic ones again; return how many."""
    missing = missing_days(now)
    stale = DailyMetric.objects.filter(is_synthetic=True).values_list("date", flat=True)
    for day in {*missing, *stale}:
        daily.roll_up(date=day, now=now)
    DailyMetric.objects.filter(date__in=missing).update(is_synthetic=True)
    return len(missing)


def _add_hooks(missing: list[Hook], admin_id: int) -> Counter[str]:
    created: Counter[str] = Counter()
    keys = {found.ticket.key for hook in missing for found in hook.deliveries}
    told = dict(Ticket.objects.filter(seed_key__in=keys).values_list("seed_key", "pk"))
    for hook in missing:
        endpoint = WebhookEndpoint.objects.create(
            url=hook.url,
            description=hook.description,
            events=[events.TICKET_CREATED],
            secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            is_active=False,
            disabled_reason=hook.disabled_reason,
            created_by_id=admin_id,
            created_at=hook.created_at,
        )
        copy_in([_delivery(endpoint, found, told) for found in hook.deliveries])
        created.update({"webhook endpoints": 1, "deliveries": len(hook.deliveries)})
    return created


def _delivery(
    endpoint: WebhookEndpoint, draft: Delivery, ids: dict[str | None, int]
) -> WebhookDelivery:
    ticket = draft.ticket
    return WebhookDelivery(
        endpoint=endpoint,
        key=draft.key,
        event_type=events.TICKET_CREATED,
        payload={
            "type": events.TICKET_CREATED,
            "timestamp": moment(ticket.created_at),
            "ticket": ids.get(ticket.key),
            "seq": 1,
            "data": {"subject": ticket.subject, "channel": ticket.customer.channel},
        },
        status=draft.status,
        attempts=draft.attempts,
        response_status=draft.response_status,
        latency_ms=draft.latency_ms,
        error=draft.error,
        created_at=ticket.created_at,
        delivered_at=draft.delivered_at,
    )


def _add_settings(now: datetime, admin_id: int) -> int:
    missing = missing_settings()
    for key in missing:
        Setting.objects.create(
            key=key,
            value=SETTINGS[key],
            updated_by_id=admin_id,
            updated_at=now - timedelta(days=33),
        )
    if missing:
        renew_settings()
    return len(missing)


def renew_settings() -> None:
    """Let every process read the settings anew: the version is the key of their cache."""
    SettingsVersion.objects.filter(pk=1).update(version=F("version") + 1)


def _add_acts(found: list[Act]) -> int:
    missing = missing_acts(found)
    emails = {email for act in missing for email in (act.actor_email, act.target_email)}
    ids = dict(User.objects.filter(email__in=emails).values_list("email", "pk"))
    copy_in([_entry(act, ids) for act in missing])
    return len(missing)


def _entry(act: Act, ids: dict[str, int]) -> AuditEntry:
    return AuditEntry(
        actor_id=ids.get(act.actor_email),
        actor_email=act.actor_email,
        action=act.action,
        target_type=act.target_type,
        target_id=str(ids.get(act.target_email, 1)),
        before=act.before,
        after=act.after,
        trace_id=act.trace_id,
        created_at=act.created_at,
    )
