"""An outcome as text, JSON, Markdown or JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from slo import arithmetic, durations, selectors
from slo.api.serializers import standing
from slo.arithmetic import Quantile, State
from slo.evaluation import Evaluation
from slo.gate import Outcome
from slo.models import Objective
from slo.selections import selector

SCHEMA_VERSION: Final = 1
NO_VALUE: Final = "n/a"


def render(outcome: Outcome, style: str) -> str:
    """Return `outcome` in the format `style`, ending with a newline."""
    return RENDERERS[style](outcome)


def as_json(outcome: Outcome) -> str:
    """Return everything there is to know, for machines and for a later `--baseline`."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "verdict": outcome.verdict,
        "exit_code": outcome.exit_code,
        "error": outcome.error or None,
        "overall": selectors.overall(outcome.evaluations),
        "objectives": [_described(each, outcome) for each in outcome.evaluations],
    }
    return json.dumps(document, indent=2, default=lambda moment: moment.isoformat()) + "\n"


def as_text(outcome: Outcome) -> str:
    """Return one line an objective and the verdict last."""
    lines = [_line(each, outcome) for each in outcome.evaluations]
    return "\n".join([*lines, summary(outcome)]) + "\n"


def as_markdown(outcome: Outcome) -> str:
    """Return a table, as a pull request shows it."""
    rows = [
        f"| {each.state} | {each.name} | {each.objective.description} "
        f"| {_counted(each)} | {percent(each.tally.ratio)} | {budget(each)} "
        f"| {change(each, outcome)} |"
        for each in outcome.evaluations
    ]
    head = ["| state | objective | promise | counted | ratio | budget left | against baseline |"]
    return "\n".join([f"**{summary(outcome)}**", "", *head, "| --- " * 7 + "|", *rows]) + "\n"


def as_junit(outcome: Outcome) -> str:
    """Return a test suite: missed is a failure, no data an error or, where allowed, skipped."""
    failures = len({*outcome.names_in(State.MISSED), *outcome.regressed})
    unmeasured = set(outcome.names_in(State.NO_DATA))
    skipped = len(unmeasured & set(outcome.allowed_without_data))
    cases = [_case(each, outcome) for each in outcome.evaluations] + list(_trouble(outcome))
    errors = len(cases) - len(outcome.evaluations) + len(unmeasured) - skipped
    suite = (
        f'<testsuite name="slo" tests="{len(cases)}" failures="{failures}" '
        f'errors="{errors}" skipped="{skipped}">'
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, suite, *cases, "</testsuite>"]) + "\n"


def summary(outcome: Outcome) -> str:
    """Return the verdict as a sentence that names who is to blame."""
    missed, unmeasured = (outcome.names_in(each) for each in (State.MISSED, State.NO_DATA))
    if outcome.error:
        return f"SOURCE UNAVAILABLE: {outcome.error}"
    if not outcome.evaluations:
        return "NOT ENOUGH DATA: there is no objective"
    if missed or outcome.regressed:
        blame = [("MISSED", missed), ("REGRESSED", outcome.regressed)]
        return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in blame if names)
    blamed = [name for name in unmeasured if name not in outcome.allowed_without_data]
    if blamed:
        return f"NOT ENOUGH DATA: {', '.join(blamed)}"
    kept = len(outcome.evaluations) - len(unmeasured)
    return f"MET: {kept} objectives" + (f", {len(unmeasured)} without data" * bool(unmeasured))


def percent(ratio: Any) -> str:
    """Return a ratio in percent, or a dash where there is none."""
    return NO_VALUE if ratio is None else f"{float(ratio) * 100:.2f} %"


def budget(evaluation: Evaluation) -> str:
    """Return what is left of the error budget, signed."""
    left = evaluation.budget_remaining
    return NO_VALUE if left is None else f"{float(left) * 100:+.0f} %"


def quantile(evaluation: Evaluation) -> str:
    """Return where the promised share lies: an estimate, and the bucket that surely holds it."""
    found = evaluation.quantile
    if found is None:
        return NO_VALUE
    return _bracketed(float(evaluation.objective.target_ratio), found)


def quantiles(evaluation: Evaluation) -> list[str]:
    """Return the median and P95 of a histogram: estimates, each with its bucket."""
    if evaluation.objective.kind != Objective.Kind.HISTOGRAM_RATIO:
        return []
    shares = (0.5, 0.95)
    found = [(each, arithmetic.estimate_quantile(evaluation.counts, each)) for each in shares]
    return [_bracketed(share, each) for share, each in found if each is not None]


def sentence(objective: Objective) -> str:
    """Return what is promised, said from the fields that are counted and not from its name."""
    named = objective.metric + selector(objective.match)
    window = durations.text(objective.window)
    if objective.kind == Objective.Kind.ZERO_GAUGE:
        return f"Every check over {window} finds {named} at zero."
    share = f"{float(objective.target_ratio) * 100:g}"
    least = "More than" if objective.is_strict else "At least"
    if objective.threshold_seconds is not None:
        what = f"take at most {_duration(float(objective.threshold_seconds))}"
    else:
        what = f"are not {selector(objective.bad_match)}"
    return f"{least} {share} % of {named} over {window} {what}."


def burn(evaluation: Evaluation) -> str:
    """Return how fast the budget goes over each window, the short one first."""
    rates = {window: rate for window, rate in evaluation.burn_rates.items() if rate is not None}
    return " · ".join(f"{window} {rate:.1f}×" for window, rate in rates.items()) or NO_VALUE  # noqa: RUF001 - times


def formula(evaluation: Evaluation) -> str:
    """Return what was compared, in PromQL's names."""
    objective, selection = evaluation.objective, evaluation.objective.selection
    comparison = ">" if objective.is_strict else "≥"
    name = f"{selection.metric}{selector(selection.match)}"
    if selection.bad_match:
        good = f"{name} − {selection.metric}{selector({**selection.match, **selection.bad_match})}"  # noqa: RUF001 - minus
    else:
        matched = selector(selection.match, le=objective.threshold_edge)
        good = f"{selection.sample_name}{matched}"
        name = f"{selection.metric}_count{selector(selection.match)}"
    return f"{good} {comparison} {objective.target_ratio.normalize():f} · {name}"


def change(evaluation: Evaluation, outcome: Outcome) -> str:
    """Return how the ratio differs from the baseline's, in points of a percent."""
    difference = _ratio_change(evaluation, outcome)
    return NO_VALUE if difference is None else f"{difference * 100:+.2f} points"


def _ratio_change(evaluation: Evaluation, outcome: Outcome) -> float | None:
    earlier = outcome.baseline.get(evaluation.name, {}).get("ratio")
    ratio = evaluation.tally.ratio
    return None if ratio is None or earlier is None else float(ratio) - earlier


def _bracketed(q: float, found: Quantile) -> str:
    share = f"P{q * 100:g}"
    if found.high is None:
        return f"{share} > {_duration(found.low)}"
    bracket = f"({_duration(found.low)}, {_duration(found.high)}]"
    return f"{share} ≈ {_duration(found.estimate)} in {bracket}"


def _line(each: Evaluation, outcome: Outcome) -> str:
    parts = [_counted(each), percent(each.tally.ratio), quantile(each), f"budget {budget(each)}"]
    if outcome.baseline:
        parts.append(change(each, outcome) + " REGRESSED" * (each.name in outcome.regressed))
    known = ", ".join(part for part in parts if NO_VALUE not in part)
    window = durations.text(each.window)
    return f"{each.state:<8} {each.name:<26} {each.objective.description}  [{window}: {known}]"


def _counted(each: Evaluation) -> str:
    return f"{each.tally.good} of {each.tally.total}"


def _duration(seconds: float) -> str:
    return f"{seconds:.4g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _described(each: Evaluation, outcome: Outcome) -> dict[str, Any]:
    sample = max(each.min_samples, 1)
    return {
        **standing(each),
        "is_strict": each.objective.is_strict,
        "min_samples": sample,
        "affordable_samples": arithmetic.affordable_sample(each.objective.target_ratio),
        "wilson_lower_bound": arithmetic.wilson_lower_bound(each.tally),
        "is_no_data_allowed": each.name in outcome.allowed_without_data,
        "ratio_change": _ratio_change(each, outcome),
        "has_regressed": each.name in outcome.regressed,
    }


def _case(each: Evaluation, outcome: Outcome) -> str:
    opening = f'  <testcase classname="slo" name={quoteattr(each.name)}'
    has_failed = each.state is State.MISSED or each.name in outcome.regressed
    if each.is_kept and not has_failed:
        return f"{opening}/>"
    tag = "failure" if has_failed else "error"
    if tag == "error" and each.name in outcome.allowed_without_data:
        tag = "skipped"
    return f"{opening}><{tag} message={quoteattr(_line(each, outcome))}/></testcase>"


def _trouble(outcome: Outcome) -> Iterator[str]:
    if outcome.error or not outcome.evaluations:
        message = quoteattr(summary(outcome))
        yield f'  <testcase classname="slo" name="gate"><error message={message}/></testcase>'


RENDERERS: Final[dict[str, Callable[[Outcome], str]]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "markdown": as_markdown,
}
