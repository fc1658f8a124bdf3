"""What chaos tells Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chaos import kernel, selectors
from chaos.catalog import CATALOGUE

logger = logging.getLogger(__name__)

INJECTED: Final = Counter(
    "chaos_injected_total", "Faults injected, by target and mode.", ["target", "mode"]
)


def count_injection(fault: kernel.ActiveFault) -> None:
    INJECTED.labels(target=fault.target, mode=fault.mode).inc()


class ActiveFaultsCollector(Collector):
    """
    Tells how many faults hold, asked of the rows at each scrape.

    A gauge that each process sets for itself would tell of processes that are gone; the rows are
    the one truth, and every mode has a series so that a graph shows when it was 0.
    """

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "chaos_active", "Faults that hold now, by target and mode.", labels=["target", "mode"]
        )
        try:
            with kernel.bypass():
                counts = selectors.count_active(now=timezone.now())
        except DatabaseError:
            logger.warning("chaos_active is unknown: the database did not answer")
            return
        for target, modes in CATALOGUE.items():
            for mode in modes:
                family.add_metric([target, mode], counts[target, mode])
        yield family
