"""Reads: which objectives there are, what was counted, how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from prometheus_client.metrics_core import Metric

from slo import arithmetic, readings, sources, stored
from slo.arithmetic import State
from slo.errors import UnknownObjective
from slo.evaluation import Evaluation, Source, burn_windows, evaluate
from slo.models import Objective
from slo.readings import Reading


def list_enabled(names: Sequence[str] = ()) -> list[Objective]:
    """
    Return the enabled objectives by name, or only those named.

    :raises UnknownObjective: when a name is not among them
    """
    objectives = list(Objective.objects.filter(is_enabled=True))
    unknown = set(names) - {each.name for each in objectives}
    if unknown:
        raise UnknownObjective(", ".join(sorted(unknown)))
    return [each for each in objectives if not names or each.name in names]


def evaluate_all(
    *,
    now: datetime,
    names: Sequence[str] = (),
    window: timedelta | None = None,
    min_samples: int = 1,
) -> list[Evaluation]:
    """
    Return how every enabled objective stands, by the configured source.

    :raises SourceUnavailable: when it does not answer
    :raises UnknownObjective: when a name is none
    """
    objectives = list_enabled(names)
    source = configured_source(objectives, now=now, window=window)
    return evaluate_with(source, objectives, now=now, window=window, min_samples=min_samples)


def evaluate_with(
    source: Source,
    objectives: Iterable[Objective],
    *,
    now: datetime,
    window: timedelta | None = None,
    min_samples: int = 1,
) -> list[Evaluation]:
    """Return how `objectives` stand by `source`."""
    return [
        evaluate(each, source, now=now, window=window, min_samples=min_samples)
        for each in objectives
    ]


def configured_source(
    objectives: Sequence[Objective], *, now: datetime, window: timedelta | None = None
) -> Source:
    """Return the Prometheus server of the settings, or else this machine's own counts."""
    url = getattr(settings, "SLO", {}).get("PROMETHEUS_URL")
    if url:
        return sources.PrometheusServer(url=url)
    live = sources.read_registry([each.selection for each in objectives], now=now)
    return history(objectives, live, window=window)


def history_of_families(
    objectives: Sequence[Objective], families: Iterable[Metric], *, now: datetime
) -> Source:
    """Return the stored snapshots with what `families` count as their present."""
    wanted = [each.selection for each in objectives]
    return history(objectives, readings.of_families(families, wanted, now=now))


def history(
    objectives: Sequence[Objective], live: Reading, *, window: timedelta | None = None
) -> Source:
    """Return the stored snapshots that `objectives` need, with `live` as the present."""
    starts = {
        live.taken_at - each
        for objective in objectives
        for each in burn_windows(window or objective.window)
    }
    wanted = [each.selection for each in objectives]
    found = stored.readings(sorted(starts), wanted, until=live.taken_at)
    return sources.History(name="registry", readings=[*found, live])


def overall(evaluations: Iterable[Evaluation]) -> dict[str, object]:
    """Return how many of the measured objectives are kept, and which could not be measured."""
    evaluations = list(evaluations)
    states = [each.state for each in evaluations]
    ratio = arithmetic.overall_ratio(states)
    return {
        "compliant": None if ratio is None else ratio == 1,
        "ratio": None if ratio is None else float(ratio),
        "kept": sum(each.is_kept for each in evaluations),
        "measured": sum(state is not State.NO_DATA for state in states),
        "no_data": [each.name for each in evaluations if each.state is State.NO_DATA],
    }
