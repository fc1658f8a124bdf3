"""What the API says about an objective."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from slo import durations, selectors
from slo.arithmetic import State
from slo.evaluation import Evaluation


class StandingSerializer(serializers.Serializer[Any]):
    """How one objective stands; ratios are shares of one, durations are seconds."""

    name = serializers.CharField()
    description = serializers.CharField()
    target = serializers.FloatField()
    threshold_seconds = serializers.FloatField(allow_null=True)
    window = serializers.CharField(help_text="Such as 1h.")
    good = serializers.IntegerField()
    total = serializers.IntegerField()
    ratio = serializers.FloatField(allow_null=True)
    state = serializers.ChoiceField(choices=[each.value for each in State])
    budget_remaining = serializers.FloatField(allow_null=True, help_text="Negative if overspent.")
    burn_rates = serializers.DictField(child=serializers.FloatField(allow_null=True))
    quantile_estimate_seconds = serializers.FloatField(allow_null=True)
    quantile_bracket_seconds = serializers.ListField(
        child=serializers.FloatField(allow_null=True), allow_null=True
    )
    is_significant = serializers.BooleanField(help_text="Kept with 95 % confidence.")
    coverage_ratio = serializers.FloatField(help_text="How much of the window was counted.")
    source = serializers.CharField()  # type: ignore[assignment]  # the class has one too
    evaluated_at = serializers.DateTimeField()


class OverallSerializer(serializers.Serializer[Any]):
    """How all measured objectives stand together."""

    compliant = serializers.BooleanField(allow_null=True)
    ratio = serializers.FloatField(allow_null=True)
    kept = serializers.IntegerField()
    measured = serializers.IntegerField()
    no_data = serializers.ListField(child=serializers.CharField())


class StandingsSerializer(serializers.Serializer[Any]):
    """Every enabled objective."""

    overall = OverallSerializer()
    objectives = StandingSerializer(many=True)


def standing(evaluation: Evaluation) -> dict[str, Any]:
    """Return what the API says about `evaluation`, without NaN and without decimals."""
    objective, quantile = evaluation.objective, evaluation.quantile
    return {
        "name": objective.name,
        "description": objective.description,
        "target": float(objective.target_ratio),
        "threshold_seconds": _number(objective.threshold_seconds),
        "window": durations.text(evaluation.window),
        "good": evaluation.tally.good,
        "total": evaluation.tally.total,
        "ratio": _number(evaluation.tally.ratio),
        "state": evaluation.state.value,
        "budget_remaining": _number(evaluation.budget_remaining),
        "burn_rates": {key: _number(rate) for key, rate in evaluation.burn_rates.items()},
        "quantile_estimate_seconds": quantile.estimate if quantile else None,
        "quantile_bracket_seconds": [quantile.low, quantile.high] if quantile else None,
        "is_significant": evaluation.is_significant,
        "coverage_ratio": evaluation.coverage_ratio,
        "source": evaluation.source,
        "evaluated_at": evaluation.evaluated_at,
    }


def standings(evaluations: Iterable[Evaluation]) -> dict[str, Any]:
    """Return what the API says about all objectives together."""
    evaluations = list(evaluations)
    return {
        "overall": selectors.overall(evaluations),
        "objectives": [standing(each) for each in evaluations],
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
