"""When faults were armed, for the charts of objectives (see `settings.SLO["CHAOS_INTERVALS"]`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models.functions import Coalesce

from chaos.models import Fault

_MOST = 200  # a chart with more has no room for its line


def between(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield start, end and name of every fault that was armed between the two, newest first."""
    over = Coalesce("ended_at", "expires_at")
    found = Fault.objects.annotate(over=over).filter(created_at__lt=until, over__gt=since)
    rows = found.order_by("-created_at", "-id").values_list("created_at", "over", "target", "mode")
    for start, end, target, mode in rows[:_MOST]:
        yield start, end, f"{target}/{mode}"
