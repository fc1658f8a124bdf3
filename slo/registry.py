"""What `/metrics` exposes: every process' counts, their views, and the objectives' verdicts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from slo import boot, compaction, multiprocess
from slo.instruments import milliseconds
from slo.patience import DATABASE

BOOT_METRIC = "slo_counters_began_timestamp_seconds"
logger = logging.getLogger("slo")


class Exposition(Collector):
    """One pass over the counts, from which the views and the verdicts are derived."""

    def collect(self) -> Iterator[Metric]:
        """Yield every family that a scrape shows."""
        from slo import exporter  # noqa: PLC0415 - needs models, this module is used before them

        counted = families()
        yield from counted
        yield from milliseconds.views_of(counted)
        yield from exporter.families(counted)


class Counted(Collector):
    """Only what was counted: no views, no verdicts, no database of ours."""

    def collect(self) -> Iterator[Metric]:
        """Yield every counted family."""
        yield from families()


def families() -> list[Metric]:
    """Return what was counted, by this machine's processes and by the project's own collectors."""
    collected = list(_counted())
    for collector in _project_collectors():
        if not DATABASE.is_lost():
            with DATABASE.asking():
                collected.extend(_survived(collector))
    beginning = GaugeMetricFamily(BOOT_METRIC, "When the counters of this exposition were zero.")
    beginning.add_metric([], boot.began_seconds())
    return [*collected, beginning]


def _counted() -> Iterable[Metric]:
    directory = boot.shared_directory()
    if directory is None:
        return REGISTRY.collect()
    with compaction.undisturbed(directory):
        return list(multiprocess.families(directory))


def _project_collectors() -> Iterable[Collector]:
    path = getattr(settings, "SLO", {}).get("COLLECTORS")
    if not path:
        return ()
    build: Callable[[], Iterable[Collector]] = import_string(path)
    return build()


def _survived(collector: Collector) -> list[Metric]:
    try:
        return list(collector.collect())
    except Exception:  # one broken collector must not blind the scrape to the others
        logger.warning("collector %r gave nothing", collector, exc_info=True)
        return []
