"""What an objective may promise."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError

from slo import catalogue, checks, services
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


COUNTER = {"kind": "counter_ratio", "threshold_seconds": None}


@pytest.mark.parametrize(
    ("fields", "field", "advice"),
    [
        ({"metric": "{histogram}_bucket"}, "metric", "Did you mean {histogram}?"),
        ({"metric": "{histogram}s"}, "metric", "Did you mean {histogram}"),
        ({"metric": "zz"}, "metric", "Nothing here counts zz. There is no such histogram."),
        ({"metric": "{counter}"}, "metric", "{counter} is a counter, and"),
        ({"match": {"vew": "api:.*"}}, "match", "has no label vew. Labels: view."),
        (
            {**COUNTER, "metric": "{counter}", "match": {}, "bad_match": {"code": "5.."}},
            "bad_match",
            "{counter} has no label code. Labels: status.",
        ),
        ({"alert_burn_rates": [14.4, 25]}, "alert_burn_rates", "Within reach: 1, 3, 6, 14.4."),
        (
            {"target_ratio": Decimal("0.5"), "alert_burn_rates": [14.4, 1]},
            "alert_burn_rates",
            "No alert can fire at 14.4. With everything bad it burns 2 times. Within reach: 1.",
        ),
        (
            {"target_ratio": Decimal(1), "alert_burn_rates": [1]},
            "alert_burn_rates",
            "Within reach: none, for it has no budget.",
        ),
        ({"alert_burn_rates": ["1"]}, "alert_burn_rates", "Give a list such as"),
    ],
)
def test_refusal_says_what_would_be_right(fast, metrics, fields, field, advice):
    names = {"histogram": metrics.histogram_name, "counter": metrics.counter_name}
    for name, value in fields.items():
        setattr(fast, name, value.format(**names) if isinstance(value, str) else value)
    with pytest.raises(ValidationError) as refused:
        fast.full_clean()
    assert advice.format(**names) in refused.value.message_dict[field][0]
    assert set(refused.value.message_dict) == {field}


def test_metric_is_not_refused_where_other_machines_count(fast, settings):
    settings.SLO = {"PROMETHEUS_URL": "http://127.0.0.1:9"}
    fast.metric = "counted_elsewhere_seconds"
    fast.full_clean()
    assert list(catalogue.refusals("histogram", fast.metric, {})) == []


def test_every_default_objective_is_valid(db):
    assert checks.check_stored_objectives(None) == []  # which registers the request metrics
    objectives = list(Objective.objects.all())
    for objective in objectives:
        objective.full_clean()
    assert len(objectives) == 7


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
