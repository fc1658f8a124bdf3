"""The objective list and its page: verdicts in words, one evaluation a page."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from slo import services
from slo.models import Objective, Snapshot

pytestmark = pytest.mark.django_db
LIST = "/admin/slo/objective/"


def somebody(email, **fields):
    return get_user_model().objects.create(email=email, name=email, **fields)


@pytest.fixture(autouse=True)
def own_counts(settings):
    settings.SLO = {"MAY_EDIT": "config.rights.may_manage"}


@pytest.fixture
def client():
    client = Client()
    client.force_login(
        somebody("admin@example.test", role="ADMIN", is_staff=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


@pytest.fixture
def slow_objective(fast, metrics):
    services.take_snapshot(now=timezone.now() - timedelta(hours=2))
    for seconds in (0.2, 0.2, 0.2, 0.5):
        metrics.seconds.labels("api:tickets").observe(seconds)
    return fast


def text_of(response):
    assert response.status_code == 200
    return response.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_list_says_promise_verdict_and_counts(client, slow_objective):
    text = text_of(client.get(LIST))
    for part in (
        "95 % within 350 ms, over 1h.", "missed", "75.00 %", "3 of 4", "(350 ms, 1 s]", "-400 %",
        "P50 ≈", "slo-spark", "slo-over",
    ):  # fmt: skip
        assert part in text
    assert "nan" not in text.lower().split()


def test_list_says_no_data_in_words(client, fast):
    text = text_of(client.get(LIST))
    assert "no data" in text
    assert "nothing counted" in text


def test_queries_do_not_grow_with_objectives(client, fast, django_assert_max_num_queries):
    client.get(LIST)
    with django_assert_max_num_queries(50) as few:
        client.get(LIST)
    for number in range(5):
        Objective.objects.create(
            name=f"o{number}", description="-", metric=fast.metric,
            threshold_seconds="1", target_ratio="0.9",
        )  # fmt: skip
    with django_assert_max_num_queries(len(few)):
        client.get(LIST)


def test_page_shows_the_panel_and_the_formula(client, slow_objective):
    text = text_of(client.get(f"{LIST}{slow_objective.pk}/change/"))
    assert "3 of 4, promised 95.00 %" in text
    assert f"{slow_objective.metric}_bucket{{view=~&quot;api:.*&quot;,le=&quot;0.35&quot;}}" in text


def test_threshold_that_is_no_edge_is_refused_with_the_edges(client, fast):
    form = form_of(fast, threshold_seconds="0.3")
    text = text_of(client.post(f"{LIST}{fast.pk}/change/", form))
    assert "Edges: 0.1, 0.35, 1." in text
    assert client.post(f"{LIST}{fast.pk}/change/", {**form, "threshold_seconds": "1"}).url == LIST


def test_new_objective_can_be_added(client):
    assert "Judged once it is saved." in text_of(client.get(f"{LIST}add/"))


def form_of(objective, **changed):
    return {
        "name": objective.name, "description": "-", "kind": "histogram_ratio",
        "metric": objective.metric, "match": "{}", "bad_match": "{}", "threshold_seconds": "0.35",
        "target_ratio": "0.7", "window_seconds": "3600", "alert_burn_rates": "[]", **changed,
    }  # fmt: skip


def test_preview_tells_what_saving_would_do_and_saves_nothing(client, slow_objective):
    form = form_of(slow_objective, match='{"view": "api:.*"}')
    text = text_of(client.post(f"{LIST}preview/", form))
    assert 'data-state="met"' in text
    assert "75.00 % (3 of 4 over 1h)" in text
    times = "\N{MULTIPLICATION SIGN}"
    assert f"Alerts when it burns 3{times} over 5m and 1m, 1{times} over 6m and 1m." in text
    slow_objective.refresh_from_db()
    assert str(slow_objective.target_ratio) == "0.950000"


def test_preview_tells_what_is_wrong(client, slow_objective):
    text = text_of(client.post(f"{LIST}preview/", form_of(slow_objective, threshold_seconds="0.3")))
    assert "Edges: 0.1, 0.35, 1." in text
    assert "already exists" not in text


def test_preview_tells_that_the_source_is_down(client, fast, settings):
    settings.SLO = {**settings.SLO, "PROMETHEUS_URL": "http://127.0.0.1:9"}
    assert "<code>source</code>" in text_of(client.post(f"{LIST}preview/", form_of(fast)))


def test_preview_is_for_those_who_may_edit():
    assert Client().post(f"{LIST}preview/").status_code == 302


def test_preview_is_asked_with_a_form(client):
    assert client.get(f"{LIST}preview/").status_code == 403


def test_evaluate_now_takes_a_snapshot_and_shows_it(client, fast):
    for address, shown in (
        ("evaluate/", LIST),
        (f"{fast.pk}/evaluate/", f"{LIST}{fast.pk}/change/"),
    ):
        before = Snapshot.objects.count()
        assert f'method="post" action="{LIST}{address}"' in text_of(client.get(shown))
        assert client.post(f"{LIST}{address}").url == shown
        assert Snapshot.objects.count() == before + 1
    assert "Evaluated with a snapshot" in text_of(client.get(LIST))


def test_evaluate_now_writes_nothing_for_a_link_or_another_site(client, fast):
    assert client.get(f"{LIST}evaluate/").status_code == 405
    client.handler.enforce_csrf_checks = True
    assert client.post(f"{LIST}{fast.pk}/evaluate/").status_code == 403
    assert not Snapshot.objects.exists()


def test_evaluate_now_is_for_those_who_may_edit(fast):
    client = Client()
    viewer = somebody("viewer@example.test", role="VIEWER", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_objective"))
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    for page in (LIST, f"{LIST}{fast.pk}/change/"):
        assert "Evaluate now" not in text_of(client.get(page))
    assert client.post(f"{LIST}evaluate/").status_code == 403
    assert not Snapshot.objects.exists()


def test_rules_of_the_stored_objectives_can_be_downloaded(client, fast):
    response = client.get(f"{LIST}export_rules/")
    assert response["Content-Disposition"] == 'attachment; filename="slos.yml"'
    assert 'slo:good:increase{slo="fast",window="1h"}' in text_of(response)


def test_source_that_is_down_is_told(client, fast, settings):
    settings.SLO = {**settings.SLO, "PROMETHEUS_URL": "http://127.0.0.1:9"}
    assert "The counts cannot be read" in text_of(client.get(LIST))
    assert "The counts cannot be read" in text_of(client.get(f"{LIST}{fast.pk}/change/"))


def test_agent_with_staff_flag_but_no_right_may_not_look(fast):
    client = Client()
    client.force_login(
        somebody("agent@example.test", role="AGENT", is_staff=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert client.get(LIST).status_code == 403
