"""The bucket: never more than the rate and its burst in any second."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.services.token_bucket import SEND_WITHIN_SECONDS, burst, take
from helpdesk.tests.factories import LONG_AGO

RATES = st.integers(1, 500)
# Pauses between two looks at the bucket, and how many tokens each wants.
LOOKS = st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 40)), min_size=1, max_size=120)


def takings(rate, looks):
    """Return the times at which tokens were taken."""
    now, bucket_at, taken = LONG_AGO, None, []
    for microseconds, wanted in looks:
        now += timedelta(microseconds=microseconds)
        count, bucket_at = take(bucket_at=bucket_at, rate_per_second=rate, wanted=wanted, now=now)
        assert 0 <= count <= wanted
        taken += [now] * count
    return taken


def most_within(times, seconds):
    """Return the most of `times` in any window of so many seconds, both ends included."""
    window = timedelta(seconds=seconds)
    return max((sum(t <= u <= t + window for u in times) for t in times), default=0)


@settings(max_examples=200, deadline=None)
@given(RATES, LOOKS)
def test_however_late_sends_are_a_second_never_sees_more_than_rate_and_burst(rate, looks):
    taken = takings(rate, looks)

    # What a second sees was taken in that second or at most so long before it.
    assert most_within(taken, 1 + SEND_WITHIN_SECONDS) <= rate + burst(rate)


def test_a_worker_that_looks_often_gets_the_whole_rate():
    looks = [(20_000, 40)] * 250  # five seconds

    got = {rate: len(takings(rate, looks)) for rate in range(1, 201)}

    assert {rate: count for rate, count in got.items() if count < 5 * rate - 1} == {}


def test_a_bucket_that_rested_holds_no_more_than_a_tenth_of_a_second():
    rested, _ = take(
        bucket_at=LONG_AGO, rate_per_second=50, wanted=99, now=LONG_AGO + timedelta(hours=1)
    )

    assert rested == 5


def test_a_bucket_in_the_future_gives_nothing_yet():
    until = LONG_AGO + timedelta(seconds=1)

    assert take(bucket_at=until, rate_per_second=5, wanted=9, now=LONG_AGO) == (0, until)


def test_the_burst_is_a_quarter_of_the_rate_rounded_up():
    assert [burst(rate) for rate in (1, 4, 7, 20, 100)] == [1, 1, 2, 5, 25]
