"""Chance that can be repeated, and the shape of delays."""

import math
import statistics

from chaos import draws, kernel
from chaos.kernel import ActiveFault


def fault(identity="fault", **metadata):
    return ActiveFault(identity, "latency", "slow", metadata=metadata)


def draw_many(identity, count=40, **metadata):
    """Arm a fault and return which calls it hit and how long each of them would wait."""
    kernel.arm([])
    kernel.arm([fault(identity, **metadata)])
    picked = [kernel.pick("latency") for _number in range(count)]
    return [each and each.draw_delay_seconds() for each in picked]


def test_same_seed_meets_the_same_luck_and_another_does_not():
    first = draw_many("a", percent=50, jitterMs=100, seed=7)
    assert draw_many("b", percent=50, jitterMs=100, seed=7) == first
    assert draw_many("c", percent=50, jitterMs=100, seed=8) != first
    assert None in first
    assert any(first)


def test_seeded_draws_go_on_where_the_last_poll_left_them():
    """The control thread makes a new object of the same fault at every poll."""

    def hits(identity, *counts):
        kernel.arm([])
        for count in counts:
            kernel.arm([fault(identity, percent=50, seed=7)])
            yield from [kernel.pick("latency") is not None for _number in range(count)]

    assert list(hits("a", 40)) == list(hits("b", 20, 20))


def test_generators_of_faults_that_are_over_are_forgotten():
    draw_many("a", seed=1)
    kernel.arm([])
    assert not draws._seeded


def test_lognormal_has_its_median_at_the_delay_and_a_long_tail():
    shape = fault(delayMs=100, jitterMs=100, distribution="lognormal", seed=3)
    drawn = [shape.draw_delay_seconds() for _number in range(4000)]
    assert math.isclose(statistics.median(drawn), 0.1, rel_tol=0.1)
    assert 0.80 < sum(each <= 0.2 for each in drawn) / len(drawn) < 0.88
    assert max(drawn) > 0.4


def test_lognormal_without_spread_or_delay_is_that_delay():
    assert fault(delayMs=100, distribution="lognormal").draw_delay_seconds() == 0.1
    assert fault(delayMs=0, jitterMs=50, distribution="lognormal").draw_delay_seconds() == 0


def test_no_tail_is_longer_than_may_be_asked_for():
    shape = fault(delayMs=60_000, jitterMs=60_000, distribution="lognormal", seed=3)
    assert max(shape.draw_delay_seconds() for _number in range(200)) == 60
