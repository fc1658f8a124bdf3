"""Gauges that are true at the moment of the scrape because they are read from the rows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from django.db import DatabaseError
from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from helpdesk.models import DeadLetter, Ticket
from helpdesk.selectors import jobs

KEPT_SECONDS: Final = 5.0
logger = logging.getLogger(__name__)


class HelpdeskCollector(Collector):
    """
    `helpdesk_tickets{status}`, `helpdesk_dead_letters` and `helpdesk_stalled_jobs{queue}`.

    Values are kept for 5 s, so that scrapes cost at most one round of queries in that time.
    Without a database the series are absent: an unknown number is not shown as zero.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._families: list[GaugeMetricFamily] = []
        self._read_at = float("-inf")

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self._lock:
            if self._clock() - self._read_at > KEPT_SECONDS:
                self._families, self._read_at = self._read(), self._clock()
            return self._families

    def _read(self) -> list[GaugeMetricFamily]:
        try:
            return [_tickets(), _dead_letters(), _stalled_jobs()]
        except DatabaseError as error:
            logger.warning("gauges are absent from this scrape: %s", error)
            return []


def _tickets() -> GaugeMetricFamily:
    family = GaugeMetricFamily("helpdesk_tickets", "Tickets by status.", labels=["status"])
    counted = dict.fromkeys(Ticket.Status.values, 0)
    rows = Ticket.objects.values_list("status").annotate(n=Count("id")).order_by("status")
    counted.update(dict(rows))
    for status, count in counted.items():
        family.add_metric([status], count)
    return family


def _dead_letters() -> GaugeMetricFamily:
    waiting = DeadLetter.objects.filter(redriven_at__isnull=True).count()
    return GaugeMetricFamily(
        "helpdesk_dead_letters", "Messages that gave up and wait for a re-drive.", value=waiting
    )


def _stalled_jobs() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "helpdesk_stalled_jobs", "Jobs long due that no worker started, by queue.", labels=["queue"]
    )
    for queue, count in jobs.count_stalled(now=timezone.now()).items():
        family.add_metric([queue], count)
    return family
