"""Celery entry points."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from slo import services


@shared_task(name="slo.take_snapshot")
def take_snapshot(**_future: object) -> None:
    """Store what has been counted until now; beat calls this every few seconds."""
    services.take_snapshot(now=timezone.now())
