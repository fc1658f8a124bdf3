"""
Objectives as Prometheus rules: good and total per window, and alerts on how fast budget burns.

Long windows are sums of good over sums of total (an average of ratios is another number). No tier
fires on fewer events than let one of them be bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from slo import arithmetic, durations, tiers
from slo.models import Objective
from slo.selections import measured
from slo.tiers import Tier

type Rule = dict[str, Any]


_OFTEN: Final = timedelta(hours=2)  # longer windows move too slowly for more than the minute


def groups(objectives: Iterable[Objective]) -> list[dict[str, Any]]:
    """Return the rule groups of `objectives`: recordings often, long windows by the minute."""
    objectives = sorted(objectives, key=lambda each: each.name)
    recorded = [rule for each in objectives for rule in _recordings(each)]
    alerts = [rule for each in objectives for rule in _alerts(each)]
    often = [each for each in recorded if durations.parse(each["labels"]["window"]) <= _OFTEN]
    seldom = [each for each in recorded if each not in often]
    found = [
        {"name": "slo-counts", "rules": often},
        {"name": "slo-counts-long", "interval": "1m", "rules": seldom},
        {"name": "slo-alerts", "rules": alerts},
    ]
    return [each for each in found if each["rules"]]


def tiers_of(objective: Objective) -> list[Tier]:
    """Return the tiers that alert on `objective`; one without a budget has none."""
    factors = [Decimal(str(each)) for each in objective.alert_burn_rates]
    return tiers.chosen(objective.target_ratio, objective.window, factors)


def promql(objective: Objective) -> str:
    """Return the objective's verdict over its window as one PromQL expression: true if it shows."""
    window = durations.text(objective.window)
    comparison = ">" if objective.is_strict else ">="
    share = f"({_good(objective, window)})\n/ {_total(objective, window)}"
    return f"{share} {comparison} {objective.target_ratio.normalize():f}"


def _recordings(objective: Objective) -> Iterator[Rule]:
    windows = {durations.text(objective.window)}
    windows |= {window for tier in tiers_of(objective) for window in (tier.long, tier.short)}
    for window in sorted(windows, key=durations.parse):
        labels = {"slo": objective.name, "window": window}
        yield {"record": "slo:good:increase", "expr": _good(objective, window), "labels": labels}
        yield {"record": "slo:total:increase", "expr": _total(objective, window), "labels": labels}


def _total(objective: Objective, window: str) -> str:
    selection = objective.selection
    name = selection.metric if selection.bad_match else f"{selection.metric}_count"
    return f"sum(increase({name}{measured(selection.match)}[{window}]))"


def _good(objective: Objective, window: str) -> str:
    selection, total = objective.selection, _total(objective, window)
    if selection.bad_match:
        bad = f"{selection.metric}{measured({**selection.match, **selection.bad_match})}"
        # Before the first bad event its series does not exist.
        return f"{total} - (sum(increase({bad}[{window}])) or 0 * {total})"
    series = selection.sample_name + measured(selection.match, le=objective.threshold_edge)
    return f"sum(increase({series}[{window}]))"


def _alerts(objective: Objective) -> Iterator[Rule]:
    yield from (_burning(objective, tier) for tier in tiers_of(objective))
    yield _missing(objective)
    if objective.kind == Objective.Kind.ZERO_GAUGE:
        yield _not_zero(objective)
    else:
        yield _missed(objective)


def _burning(objective: Objective, tier: Tier) -> Rule:
    # Compared from below: 1 - 0.95 is a little more than 0.05 in floating point.
    bound = f"{(1 - tier.factor * (1 - objective.target_ratio)).normalize():f}"
    windows = (tier.long, tier.short)
    parts = [f"({_share(objective, window)}) < {bound}" for window in windows]
    return _alert(
        tier.alert,
        objective,
        # On `slo` alone: the windows' series differ in their label `window`.
        expr=" and on (slo) ".join([*parts, _enough(objective, tier.long)]),
        severity=tier.severity,
        wait="2m",
        summary=f"{objective.name} burns its error budget {tier.factor}x too fast",
        window=tier.long,
    )


def _missed(objective: Objective) -> Rule:
    window = durations.text(objective.window)
    comparison = "<=" if objective.is_strict else "<"
    target = f"{objective.target_ratio.normalize():f}"
    return _alert(
        "SloMissed",
        objective,
        expr=f"{_share(objective, window)} {comparison} {target} and {_enough(objective, window)}",
        severity="ticket",
        wait="5m",
        summary=f"{objective.name} is missed over {window}",
        window=window,
    )


def _missing(objective: Objective) -> Rule:
    window = durations.text(objective.window)
    total = _recorded("total", objective, window)
    return _alert(
        "SloDataMissing",
        objective,
        expr=f"absent({total} > 0)",
        severity="ticket",
        wait="15m",
        summary=f"Nothing was counted for {objective.name} over {window}",
        window=window,
    )


def _not_zero(objective: Objective) -> Rule:
    return _alert(
        "SloNotZero",
        objective,
        expr=f"sum({objective.metric}{measured(objective.match)}) > 0",
        severity="page",
        wait="1m",
        summary=f"{objective.name}: {objective.metric} is not zero",
        window=durations.text(objective.window),
    )


def _share(objective: Objective, window: str) -> str:
    good, total = (_recorded(each, objective, window) for each in ("good", "total"))
    return f"{good} / ({total} > 0)"


def _enough(objective: Objective, window: str) -> str:
    sample = arithmetic.affordable_sample(objective.target_ratio)
    return f"{_recorded('total', objective, window)} >= {sample}"


def _recorded(what: str, objective: Objective, window: str) -> str:
    return f'slo:{what}:increase{{slo="{objective.name}",window="{window}"}}'


def _alert(
    name: str,
    objective: Objective,
    *,
    expr: str,
    severity: str,
    wait: str,
    summary: str,
    window: str,
) -> Rule:
    labels = {"severity": severity, "slo": objective.name, "window": window}
    if objective.owner:
        labels["owner"] = objective.owner
    return {
        "alert": name,
        "expr": expr,
        "for": wait,
        "labels": labels,
        "annotations": {
            "summary": summary,
            "description": f"{objective.name} promises: {objective.description}",
            "runbook_url": objective.runbook or f"docs/runbooks/{name}.md",
        },
    }


def as_yaml(rule_groups: Sequence[dict[str, Any]]) -> str:
    """Return `rule_groups` as the text of a rule file."""
    head = "# Generated by `manage.py slo_rules` from the objectives. Edit those, not this."
    return "\n".join([head, "groups:", *_items(rule_groups, "  ")]) + "\n"


def _items(values: Sequence[dict[str, Any]], indent: str) -> Iterator[str]:
    for value in values:
        first, *rest = _lines(value, indent + "  ")
        yield f"{indent}- {first.strip()}"
        yield from rest


def _lines(value: dict[str, Any], indent: str) -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield f"{indent}{key}:"
            yield from _lines(inner, indent + "  ")
        elif isinstance(inner, list):
            yield f"{indent}{key}:" + ("" if inner else " []")
            yield from _items(inner, indent + "  ")
        else:
            yield f"{indent}{key}: {_scalar(str(inner))}"


def _scalar(text: str) -> str:
    # Single quotes: the only YAML style in which PromQL needs no escape but its own quote.
    return "'" + text.replace("'", "''") + "'"
