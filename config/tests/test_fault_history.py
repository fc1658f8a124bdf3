"""Charts of objectives shade the times in which a fault was armed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from chaos.models import Fault
from slo import interruptions

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def arm(mode, begins, lasts, *, ended=None):
    at = NOW + begins * MINUTE
    return Fault.objects.create(
        target="provider", mode=mode, ttl_seconds=lasts * 60, created_by="o@example.test",
        created_at=at, expires_at=at + lasts * MINUTE,
        ended_at=None if ended is None else NOW + ended * MINUTE,
        end="" if ended is None else "cleared",
    )  # fmt: skip


def test_charts_are_told_when_faults_were_armed():
    assert settings.SLO["CHAOS_INTERVALS"] == "config.fault_history.between"
    arm("500", -30, 10)  # over before the chart begins
    arm("timeout", -5, 8)  # began before it, and expired in it
    arm("slow", 20, 10, ended=22)  # cleared early
    arm("429", 90, 5)  # after it
    found = interruptions.between(NOW, NOW + 60 * MINUTE)
    assert sorted((each.what, each.since - NOW, each.until - NOW) for each in found) == [
        ("provider/slow", 20 * MINUTE, 22 * MINUTE),
        ("provider/timeout", 0 * MINUTE, 3 * MINUTE),
    ]


def test_fault_that_was_cleared_before_the_chart_is_not_on_it():
    arm("500", -30, 60, ended=-10)
    assert interruptions.between(NOW, NOW + 60 * MINUTE) == []
