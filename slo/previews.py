"""What an objective would say if the form being edited were saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.forms import ModelForm

from slo import panels, registry, selections, selectors
from slo.errors import SourceUnavailable
from slo.evaluation import evaluate
from slo.models import Objective


def of_form(form: ModelForm[Objective], *, now: datetime) -> dict[str, Any]:
    """Return what to show of `form`: its problems, or how its objective would stand."""
    form.is_valid()
    problems = [(name, text) for name, texts in form.errors.items() for text in texts]
    # The objective that is edited has the name it has; that is no problem of the form.
    problems = [each for each in problems if "already exists" not in each[1]]
    if problems:
        return {"problems": problems}
    return _standing(form.instance, now=now)


def _standing(objective: Objective, *, now: datetime) -> dict[str, Any]:
    try:
        source = selectors.configured_source([objective], now=now)
        found = evaluate(objective, source, now=now)
    except SourceUnavailable as error:
        return {"problems": [("source", str(error))]}
    selection = objective.selection
    counts = selections.count(registry.families(), [selection])[selection.key]
    return {
        "it": panels.row(found, ()),
        "since_began": selections.tally(selection, counts, threshold_edge=objective.threshold_edge),
        "alerts": panels.alerts(objective),
    }
