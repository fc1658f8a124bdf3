"""What the tests of slo share: counters of their own, and objectives over them."""

import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from slo.models import Objective

_numbers = itertools.count()
COUNT = """
import sys
from prometheus_client import Counter, Gauge, Histogram
seconds = Histogram("m_seconds", "Seconds.", ["view"], buckets=(0.1, 0.35, 1.0))
plain = Histogram("m_plain_seconds", "Plain.")
answers = Counter("m_answers", "Answers.", ["status", "view"])
busy = Gauge("m_busy", "Busy.", multiprocess_mode="livesum")
for number in range(int(sys.argv[1])):
    seconds.labels("api:tickets").observe(0.1 * number)
    seconds.labels(f"api:{number}").observe(0.35)
    plain.observe(number)
    answers.labels("200", "näme with a \\\\ and \\"quotes\\"").inc()
    busy.inc()
"""


@pytest.fixture
def now():
    """Return a moment that the metrics of this process can be read at."""
    return datetime.now(tz=UTC) + timedelta(seconds=1)


@pytest.fixture
def metrics():
    """Return a histogram, a counter and a gauge that only this test counts with."""
    number = next(_numbers)
    made = SimpleNamespace(
        seconds=Histogram(f"t{number}_seconds", "t", ["view"], buckets=(0.1, 0.35, 1.0)),
        answers=Counter(f"t{number}_answers", "t", ["status"]),
        stalled=Gauge(f"t{number}_stalled", "t"),
        histogram_name=f"t{number}_seconds",
        counter_name=f"t{number}_answers_total",
        gauge_name=f"t{number}_stalled",
    )
    yield made
    for each in (made.seconds, made.answers, made.stalled):
        REGISTRY.unregister(each)


@pytest.fixture
def no_objectives(db):
    """Remove the objectives that the migration created."""
    Objective.objects.all().delete()


@pytest.fixture
def fast(metrics, no_objectives):
    """Return the objective that 95 % of api views take at most 0.35 s."""
    return Objective.objects.create(
        name="fast",
        description="95 % within 350 ms.",
        metric=metrics.histogram_name,
        match={"view": "api:.*"},
        threshold_seconds="0.35",
        target_ratio=Decimal("0.95"),
    )


@pytest.fixture
def errors(metrics, no_objectives):
    """Return the objective that fewer than 0.5 % of answers are 5xx."""
    return Objective.objects.create(
        name="errors",
        description="Fewer than 0.5 % fail.",
        kind=Objective.Kind.COUNTER_RATIO,
        metric=metrics.counter_name,
        bad_match={"status": "5.."},
        target_ratio=Decimal("0.995"),
        is_strict=True,
    )


@pytest.fixture
def none_stalled(metrics, no_objectives):
    """Return the objective that nothing is stalled."""
    return Objective.objects.create(
        name=f"none-stalled-{metrics.gauge_name.replace('_', '-')}",
        description="Nothing is stalled.",
        kind=Objective.Kind.ZERO_GAUGE,
        metric=metrics.gauge_name,
        target_ratio=Decimal(1),
    )


@pytest.fixture
def folder(tmp_path):
    """Return a folder in which three processes, ended since, have counted."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for times in (3, 1, 12):
        subprocess.run([sys.executable, "-c", COUNT, str(times)], env=environment, check=True)
    return tmp_path
