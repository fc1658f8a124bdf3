"""Removal of what the seed made, and of nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import batched
from typing import Final

from django.core.files.storage import default_storage
from django.db.models import CASCADE, DO_NOTHING, Exists, ManyToOneRel, OuterRef, Q, QuerySet

from helpdesk.models import (
    Attachment,
    Campaign,
    Contact,
    DailyMetric,
    Setting,
    Ticket,
    User,
    WebhookEndpoint,
)
from qa_seed.documents import library
from qa_seed.furnish import renew_settings
from qa_seed.people import DEMO_LOGINS
from qa_seed.plan import EMAIL_DOMAIN, KEY_PREFIX, STAFF_DOMAIN, WEB_DOMAIN
from qa_seed.store import alone
from qa_seed.surroundings import HOOK_URLS, SETTINGS

ROWS_PER_DELETE: Final = 500
# Second thoughts before the contact of a synthetic ticket goes: reserved domains, and numbers
# and names that nobody can have.
_SEED_ADDRESSES: Final = (
    Q(channel="email", address__endswith=f"@{EMAIL_DOMAIN}")
    | Q(channel="web", address__endswith=f"@{WEB_DOMAIN}")
    | Q(channel="whatsapp", address__regex=r"^\+55\d\d90\d{7}$")
    | Q(channel="telegram", address__regex=r"^@[a-z]+-[a-z]+-\d+$")
)


def wipe() -> Counter[str]:
    """
    Delete every synthetic row, whatever seed made it; return how many went, by plural noun.

    What hangs on a synthetic ticket goes with it, also if people wrote it there. A contact or an
    account that anything else still refers to stays.
    """
    removed: Counter[str] = Counter()
    synthetic = Q(seed_key__startswith=KEY_PREFIX)
    removed += _delete_with_contacts(Campaign.objects.filter(synthetic), "recipients__contact")
    removed += _delete_with_contacts(Ticket.objects.filter(synthetic), "contact")
    demo = [email for email, _, _ in DEMO_LOGINS]
    staff = Q(email__endswith=f"@{STAFF_DOMAIN}") | Q(email__in=demo)
    removed["webhook endpoints"] = _delete(WebhookEndpoint.objects.filter(url__in=HOOK_URLS))
    removed["settings"] = _delete_settings()
    removed["days"] = _delete(DailyMetric.objects.filter(is_synthetic=True))
    removed["users"] = _delete(_unreferred(User.objects.filter(staff)))
    removed["files"] = _delete_files()
    return removed


def _delete[M: (DailyMetric, User, WebhookEndpoint)](rows: QuerySet[M]) -> int:
    """Delete `rows` in batches, each alone in its transaction; return how many of them went."""
    keys = list(rows.values_list("pk", flat=True))
    for batch in batched(keys, ROWS_PER_DELETE):
        with alone():
            rows.filter(pk__in=batch).delete()
    return len(keys)


def _delete_with_contacts[M: (Campaign, Ticket)](rows: QuerySet[M], contact: str) -> Counter[str]:
    """
    Delete `rows` in batches, and with each batch the contacts that nothing needs any more.

    `contact` is the path from a row to its contacts.
    """
    noun = str(rows.model._meta.verbose_name_plural)  # noqa: SLF001 - documented by Django
    removed = Counter({noun: 0, "contacts": 0})
    keys = list(rows.values_list("pk", flat=True))
    for batch in batched(keys, ROWS_PER_DELETE):
        with alone():
            doomed = rows.filter(pk__in=batch)
            contact_ids = set(doomed.values_list(contact, flat=True))
            doomed.delete()
            contacts = Contact.objects.filter(_SEED_ADDRESSES, pk__in=contact_ids)
            _, by_model = _unreferred(contacts).delete()
        removed.update({noun: len(batch), "contacts": by_model.get("helpdesk.Contact", 0)})
    return removed


def _unreferred[M: (Contact, User)](rows: QuerySet[M]) -> QuerySet[M]:
    """
    Leave out the rows that another row refers to without being their part.

    An audit entry needs nobody: it keeps the e-mail and, without a constraint, a number.
    """
    for relation in rows.model._meta.get_fields(include_hidden=True):  # noqa: SLF001 - documented by Django
        if isinstance(relation, ManyToOneRel) and relation.on_delete not in {CASCADE, DO_NOTHING}:
            referring = relation.related_model._base_manager  # noqa: SLF001 - documented by Django
            same = {relation.field.name: OuterRef("pk")}
            rows = rows.exclude(Exists(referring.filter(**same)))
    return rows


def _delete_settings() -> int:
    """Delete the settings that still hold what the seed put there."""
    with alone():
        removed = 0
        for key, value in SETTINGS.items():
            removed += Setting.objects.filter(key=key, value=value).delete()[0]
        renew_settings()
    return removed


def _delete_files() -> int:
    """Delete the stored documents that no attachment points at any more."""
    removed = 0
    for document in library():
        name = document.storage_name
        if default_storage.exists(name) and not Attachment.objects.filter(file=name).exists():
            default_storage.delete(name)
            removed += 1
    return removed
