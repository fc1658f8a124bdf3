"""The arithmetic, against a brute force over the raw observations."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo import arithmetic
from slo.arithmetic import State, Tally

EDGES = (0.1, 0.35, 1.0)
observations = st.lists(st.floats(0, 5, allow_nan=False), max_size=60)
targets = st.sampled_from([Decimal(text) for text in ("0.5", "0.8", "0.9", "0.95", "0.995", "1")])


def buckets(seconds):
    counts = {str(edge): sum(each <= edge for each in seconds) for edge in EDGES}
    return {**counts, "+Inf": len(seconds)}


@given(st.lists(observations, min_size=1, max_size=6), observations)
def test_growth_over_resets_is_what_was_observed_since_the_baseline(boots, before):
    readings, seen = [("0", buckets(before))], list(before)
    for boot, observed in enumerate(boots):
        seen = [*seen, *observed] if boot == 0 else list(observed)
        readings.append((str(boot), buckets(seen)))
    since = [each for observed in boots for each in observed]
    grown = arithmetic.total_growth(readings)
    assert grown == buckets(since)


def test_growth_takes_a_drop_for_a_reset():
    assert arithmetic.growth({"+Inf": 100}, {"+Inf": 30}) == {"+Inf": 30}


def test_a_boot_that_overtook_the_old_count_is_still_a_reset():
    readings = [("1", {"+Inf": 100}), ("2", {"+Inf": 150})]
    assert arithmetic.total_growth(readings) == {"+Inf": 150}


@given(st.integers(0, 5000), st.integers(0, 5000), targets)
def test_verdict_is_exact_at_the_boundary(good, bad, target):
    tally = Tally(good=good, total=good + bad)
    needed = Fraction(target) * tally.total
    assert arithmetic.is_kept(tally, target_ratio=target) == (good >= needed)
    assert arithmetic.is_kept(tally, target_ratio=target, is_strict=True) == (good > needed)


@given(observations.filter(len), st.sampled_from([0.5, 0.95]), st.sampled_from(EDGES[:-1]))
def test_quantile_is_within_a_threshold_exactly_when_the_ratio_says_so(seconds, q, threshold):
    found = arithmetic.estimate_quantile(buckets(seconds), q)
    assert found is not None
    kept = sum(each <= threshold for each in seconds) >= Fraction(str(q)) * len(seconds)
    assert (found.estimate <= threshold) == kept


@given(observations.filter(len), st.sampled_from([0.5, 0.9, 0.95]))
def test_true_quantile_lies_in_the_bracket(seconds, q):
    found = arithmetic.estimate_quantile(buckets(seconds), q)
    assert found is not None
    true = sorted(seconds)[math.ceil(Fraction(str(q)) * len(seconds)) - 1]
    assert found.low <= true
    assert found.high is None or true <= found.high
    assert found.low <= found.estimate <= (found.high or math.inf)


def test_quantile_beyond_the_last_edge_has_no_upper_bound():
    found = arithmetic.estimate_quantile(buckets([9.0, 9.0]), 0.5)
    assert found is not None
    assert (found.estimate, found.low, found.high) == (1.0, 1.0, None)


def test_nothing_observed_has_no_quantile():
    assert arithmetic.estimate_quantile({}, 0.95) is None
    assert arithmetic.estimate_quantile(buckets([]), 0.95) is None


@pytest.mark.parametrize(
    ("whole", "recent", "state"),
    [
        (Tally(good=0, total=0), Tally(good=0, total=0), State.NO_DATA),
        (Tally(good=95, total=100), Tally(good=0, total=0), State.MET),
        (Tally(good=95, total=100), Tally(good=19, total=20), State.MET),
        (Tally(good=99, total=100), Tally(good=18, total=20), State.AT_RISK),
        (Tally(good=94, total=100), Tally(good=20, total=20), State.MISSED),
    ],
)
def test_states(whole, recent, state):
    assert arithmetic.judge(whole, recent, target_ratio=Decimal("0.95")) is state


def test_fewer_than_the_wanted_samples_are_no_data_even_when_all_are_bad():
    tally = Tally(good=0, total=9)
    assert (
        arithmetic.judge(tally, tally, target_ratio=Decimal("0.5"), min_samples=10) is State.NO_DATA
    )


def test_budget_is_signed_and_burn_has_a_ceiling():
    target = Decimal("0.95")
    assert arithmetic.budget_remaining(Tally(good=90, total=100), target_ratio=target) == -1
    assert arithmetic.burn_rate(Tally(good=0, total=7), target_ratio=target) == 20
    assert arithmetic.highest_burn_rate(target) == 20


def test_a_promise_of_everything_has_no_budget():
    tally = Tally(good=9, total=10)
    assert arithmetic.burn_rate(tally, target_ratio=Decimal(1)) is None
    assert arithmetic.budget_remaining(tally, target_ratio=Decimal(1)) is None
    assert arithmetic.highest_burn_rate(Decimal(1)) is None


def test_wilson_bound_tells_luck_from_certainty():
    assert arithmetic.wilson_lower_bound(Tally(good=960, total=1000)) == pytest.approx(
        0.9485, abs=1e-4
    )
    assert arithmetic.wilson_lower_bound(Tally(good=0, total=0)) is None
    assert arithmetic.wilson_lower_bound(Tally(good=0, total=5)) == 0


@pytest.mark.parametrize(("target", "sample"), [("0.5", 2), ("0.95", 20), ("0.995", 200), ("1", 1)])
def test_affordable_sample_survives_one_bad_event(target, sample):
    ratio = Decimal(target)
    assert arithmetic.affordable_sample(ratio) == sample
    if ratio < 1:
        assert arithmetic.is_kept(Tally(good=sample - 1, total=sample), target_ratio=ratio)


def test_overall_leaves_out_what_was_not_measured():
    states = [State.MET, State.AT_RISK, State.MISSED, State.NO_DATA]
    assert arithmetic.overall_ratio(states) == Decimal(2) / 3
    assert arithmetic.overall_ratio([State.NO_DATA]) is None
