"""What an objective may promise."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError

from slo import checks, services
from slo.models import Objective

pytestmark = pytest.mark.django_db
MISPLACED = [{
    "name": "misplaced", "description": "-", "target_ratio": "0.9",
    "metric": "django_http_requests_latency_seconds_by_view_method", "threshold_seconds": "0.3",
}]  # fmt: skip
RENAMED = [{**MISPLACED[0], "name": "renamed", "threshold_seconds": "0.35"}]


def test_threshold_between_edges_is_refused_and_the_edges_told(fast):
    fast.threshold_seconds = Decimal("0.3")
    with pytest.raises(ValidationError) as refused:
        fast.full_clean()
    assert refused.value.message_dict == {
        "threshold_seconds": [f"0.3 s is no bucket edge of {fast.metric}. Edges: 0.1, 0.35, 1."]
    }


def test_threshold_at_an_edge_is_accepted(fast):
    fast.threshold_seconds = Decimal("1.0000")
    fast.full_clean()
    assert fast.threshold_edge == "1.0"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"threshold_seconds": None}, "threshold_seconds"),
        ({"match": {"view": "api:("}}, "match"),
        ({"match": ["view"]}, "match"),
        ({"target_ratio": Decimal(0)}, "target_ratio"),
        ({"target_ratio": Decimal("1.1")}, "target_ratio"),
        ({"kind": "counter_ratio", "threshold_seconds": None}, "bad_match"),
        ({"kind": "zero_gauge"}, "threshold_seconds"),
        ({"window_seconds": 29 * 86_400}, "window_seconds"),
    ],
)
def test_what_could_not_be_counted_is_refused(fast, fields, field):
    for name, value in fields.items():
        setattr(fast, name, value)
    with pytest.raises(ValidationError) as refused:
        fast.full_clean()
    assert field in refused.value.message_dict


@pytest.mark.parametrize("fields", [{"target_ratio": 2}, {"threshold_seconds": None}])
def test_database_refuses_it_too(fast, fields):
    with pytest.raises(IntegrityError):
        Objective.objects.filter(pk=fast.pk).update(**fields)


def test_check_finds_a_stored_threshold_that_is_no_edge(fast):
    assert checks.check_stored_objectives(None) == []
    Objective.objects.filter(pk=fast.pk).update(threshold_seconds="0.3")
    (fault,) = checks.check_stored_objectives(None)
    assert fault.id == "slo.E001"
    assert "fast: 0.3 s is no bucket edge" in fault.msg


def test_check_finds_a_configured_threshold_that_is_no_edge(settings):
    settings.SLO = {"DEFAULT_OBJECTIVES": "slo.tests.test_models.MISPLACED"}
    with pytest.raises(SystemCheckError, match=r"misplaced: 0\.3 s is no bucket edge"):
        call_command("check")


def test_missing_defaults_are_created_and_edited_ones_left_alone(no_objectives, settings):
    settings.SLO = {"DEFAULT_OBJECTIVES": "slo.tests.test_models.RENAMED"}
    assert services.ensure_default_objectives() == ["renamed"]
    Objective.objects.update(target_ratio="0.5")
    assert services.ensure_default_objectives() == []
    assert Objective.objects.get().target_ratio == Decimal("0.5")
