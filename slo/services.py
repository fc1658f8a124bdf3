"""Writes: snapshots, and the objectives a project starts with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from slo import boot, compaction, gauges, readings, registry, retention
from slo.models import Objective, Snapshot


def take_snapshot(*, now: datetime) -> Snapshot:
    """
    Store what has been counted until `now`, check the gauges, forget and thin out the old ones.

    The check of a gauge is counted now and so is in the next snapshot. The files of ended processes
    are folded together, because this is the one place that comes by every few seconds.
    """
    if (directory := boot.shared_directory()) is not None:
        compaction.compact(directory)
    objectives = list(Objective.objects.all())
    families = registry.families()
    gauges.check(objectives, families)
    reading = readings.of_families(families, [each.selection for each in objectives], now=now)
    snapshot = Snapshot.objects.create(
        taken_at=now, boot=reading.boot, counts=reading.as_json()["counts"]
    )
    retention.tidy(now=now)
    return snapshot


def ensure_default_objectives() -> list[str]:
    """Create the objectives of the settings that do not exist and return their names."""
    created = []
    for fields in default_objectives():
        _objective, is_new = Objective.objects.get_or_create(name=fields["name"], defaults=fields)
        if is_new:
            created.append(fields["name"])
    return created


def unsaved_default_objectives() -> list[Objective]:
    """Return the objectives of the settings as instances that are in no database."""
    objectives = [Objective(**fields) for fields in default_objectives()]
    for each in objectives:
        each.clean_fields()
    return objectives


def default_objectives() -> Iterable[Mapping[str, Any]]:
    """Return the field values of the objectives that the project's settings name."""
    path = getattr(settings, "SLO", {}).get("DEFAULT_OBJECTIVES")
    return import_string(path) if path else ()
