"""Reads of faults."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from uuid import UUID

from django.db.models import Q, QuerySet

from chaos.models import Fault


def active_faults(*, now: dt.datetime, target: str | None = None) -> QuerySet[Fault]:
    """Return the faults that hold at `now`, oldest first: the order in which they are tried."""
    faults = Fault.objects.filter(ended_at__isnull=True, expires_at__gt=now)
    if target is not None:
        faults = faults.filter(target=target)
    return faults.order_by("created_at", "id")


def active_fault_ids(*, now: dt.datetime, target: str) -> set[UUID]:
    """Return the ids of the faults of `target` that hold at `now`."""
    return set(active_faults(now=now, target=target).values_list("id", flat=True))


def last_ended(*, now: dt.datetime) -> dict[str, Fault]:
    """Return, by target, the fault that began last of those that are over at `now`."""
    over = Fault.objects.filter(Q(ended_at__isnull=False) | Q(expires_at__lte=now))
    newest = over.order_by("target", "-created_at", "-id").distinct("target")
    return {fault.target: fault for fault in newest}


def count_active(*, now: dt.datetime) -> Counter[tuple[str, str]]:
    """Return how many faults hold at `now`, by target and mode."""
    return Counter(active_faults(now=now).values_list("target", "mode"))
