"""What a page about objectives shows: figures in words, charts, and where the events came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from slo import boot, breakdown, charts, durations, interruptions, registry, reports, rules, trends
from slo.evaluation import Evaluation
from slo.models import Objective
from slo.trends import Point

_MOST_PARTS: Final = 12
_SYMBOLS: Final = {"met": "✓", "at_risk": "!", "missed": "✕", "no_data": "–"}  # noqa: RUF001 - a dash


def row(evaluation: Evaluation, points: Sequence[Point]) -> dict[str, Any]:
    """Return the figures of one objective and its small chart."""
    objective, left = evaluation.objective, evaluation.budget_remaining
    return {
        "standing": evaluation,
        "objective": objective,
        "state": evaluation.state.value,
        "words": evaluation.state.value.replace("_", " "),
        "symbol": _SYMBOLS[evaluation.state.value],
        "sentence": reports.sentence(objective),
        "ratio": reports.percent(evaluation.tally.ratio),
        "target": reports.percent(objective.target_ratio),
        "budget": reports.budget(evaluation),
        "bar": "" if left is None else charts.budget_bar(left),
        "burn": reports.burn(evaluation),
        "quantiles": reports.quantiles(evaluation),
        "coverage": reports.percent(evaluation.coverage_ratio),
        "window": durations.text(evaluation.window),
        "spark": charts.sparkline(points, objective.target_ratio) if points else "",
    }


def rows(evaluations: Iterable[Evaluation], *, now: datetime) -> list[dict[str, Any]]:
    """Return the figures of several objectives, their history read with one query."""
    evaluations = list(evaluations)
    lately = trends.lately([each.objective for each in evaluations], now=now)
    return [row(each, lately[each.name]) for each in evaluations]


def whole(evaluation: Evaluation, *, now: datetime) -> dict[str, Any]:
    """Return everything there is to tell about one objective."""
    objective = evaluation.objective
    points = trends.lately([objective], now=now)[objective.name]
    broken = interruptions.between(points[0].since, points[-1].until)
    parts = breakdown.parts(objective, registry.families())
    return {
        **row(evaluation, points),
        "chart": charts.history(points, objective.target_ratio, broken),
        "chart_span": durations.text(points[-1].until - points[0].since),
        "broken": broken,
        "parts": [_part(each) for each in parts[:_MOST_PARTS]],
        "parts_left": max(0, len(parts) - _MOST_PARTS),
        "counters_began": datetime.fromtimestamp(boot.began_seconds(), tz=UTC),
        "alerts": alerts(objective),
        "formula": reports.formula(evaluation),
        "promql": rules.promql(objective),
    }


def alerts(objective: Objective) -> str:
    """Return at which burn rates, over which pairs of windows, an alert fires."""
    times = "\N{MULTIPLICATION SIGN}"
    tiers = rules.tiers_of(objective)
    return ", ".join(f"{each.factor:g}{times} over {each.long} and {each.short}" for each in tiers)


def _part(part: breakdown.Part) -> dict[str, Any]:
    return {
        "labels": part.labels or "all",
        "good": part.tally.good,
        "total": part.tally.total,
        "bad": part.tally.bad,
        "ratio": reports.percent(part.tally.ratio),
    }
