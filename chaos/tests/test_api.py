"""The REST face, as the contract has it."""

import time
import uuid

import pytest
from django.core.cache import caches
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from chaos import exercises, kernel
from chaos.kernel import ActiveFault
from chaos.models import AuditEntry, Fault
from chaos.tests.conftest import BASE, armed_names, wait_until

pytestmark = pytest.mark.django_db


def post(api, target="latency", **body):
    return api.post(f"{BASE}/{target}", body, format="json")


def text_of(response):
    return response.content.decode()


def test_arming_answers_201_with_the_whole_fault(api):
    response = post(
        api, target="latency", mode="slow", ttlSec=30, metadata={"delayMs": 400, "reason": "why"}
    )
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {
        "id", "target", "mode", "ttlSec", "metadata", "createdBy", "createdAt", "expiresAt",
    }  # fmt: skip
    assert (body["target"], body["mode"], body["ttlSec"]) == ("latency", "slow", 30)
    assert body["metadata"] == {"delayMs": 400, "reason": "why"}
    assert body["createdBy"] == "owner@chaos.test"
    assert body["createdAt"].endswith("Z")
    assert AuditEntry.objects.get(action="created").ip == "127.0.0.1"


def test_ttl_is_sixty_seconds_unless_said(api):
    assert post(api, mode="slow").json()["ttlSec"] == 60


def test_unknown_target_is_404_whatever_is_asked_of_it(api):
    assert post(api, target_name := "mysql", mode="down").status_code == 404
    assert api.get(f"{BASE}/{target_name}").status_code == 404
    assert api.post(f"{BASE}/test/{target_name}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "explode"}, "mode"),
        ({}, "mode"),
        ({"mode": "slow", "ttlSec": 0}, "ttlSec"),
        ({"mode": "slow", "ttlSec": 601}, "ttlSec"),
        ({"mode": "slow", "ttlSec": "soon"}, "ttlSec"),
        ({"mode": "slow", "ttlSec": None}, "ttlSec"),
        ({"mode": "slow", "ttlSec": True}, "ttlSec"),
        ({"mode": "slow", "metadata": {"delayMs": -1}}, "delayMs"),
        ({"mode": "slow", "metadata": {"colour": "red"}}, "colour"),
        ({"mode": "slow", "metadata": None}, "metadata"),
        ({"mode": "slow", "metadata": []}, "metadata"),
        ({"mode": "slow", "target": "redis"}, "target"),
        ({"mode": "slow", "delayMs": 400}, "delayMs"),
    ],
)
def test_what_is_wrong_is_named_with_400(api, body, field):
    response = (
        post(api, **{"target": "latency", **body})
        if "target" not in body
        else api.post(f"{BASE}/latency", body, format="json")
    )
    assert response.status_code == 400
    assert field in text_of(response)
    assert not Fault.objects.exists()


@pytest.mark.parametrize("body", [[], "slow", 7])
def test_body_that_is_no_object_is_400(api, body):
    assert api.post(f"{BASE}/latency", body, format="json").status_code == 400


def test_one_fault_too_many_is_409(api, chaos_settings):
    chaos_settings(MAX_ACTIVE_FAULTS=1)
    assert post(api, mode="slow").status_code == 201
    assert post(api, mode="slow").status_code == 409


def test_lists_show_what_is_active(api):
    assert api.get(BASE).json() == {"active": []}
    assert api.get(f"{BASE}/redis").json() == {"target": "redis", "active": False, "faults": []}
    fault = post(api, "redis", mode="down", metadata={"scope": "cache"}).json()
    post(api, mode="slow")
    assert [each["target"] for each in api.get(BASE).json()["active"]] == ["redis", "latency"]
    assert api.get(f"{BASE}/redis").json() == {"target": "redis", "active": True, "faults": [fault]}


def test_clearing_is_204_and_then_404(api):
    fault_id = post(api, mode="slow").json()["id"]
    assert api.delete(f"{BASE}/{fault_id}").status_code == 204
    assert api.delete(f"{BASE}/{fault_id}").status_code == 404
    assert api.delete(f"{BASE}/{uuid.uuid4()}").status_code == 404
    assert api.delete(f"{BASE}/latency").status_code == 404


def test_clearing_everything_counts_it(api):
    post(api, mode="slow"), post(api, "provider", mode="429")
    response = api.delete(BASE)
    assert (response.status_code, response.json()) == (200, {"cleared": 2})
    assert api.delete(BASE).json() == {"cleared": 0}


def everything(client):
    return [
        client.get(BASE),
        client.delete(BASE),
        client.get(f"{BASE}/redis"),
        client.post(f"{BASE}/redis", {"mode": "down"}, format="json"),
        client.delete(f"{BASE}/{uuid.uuid4()}"),
        client.post(f"{BASE}/test/redis"),
    ]


def test_nobody_gets_in_without_credentials(minimal_urls, settings):
    answers = {response.status_code for response in everything(APIClient())}
    # DRF answers 403 where the project's first authentication has no challenge to make.
    first = settings.REST_FRAMEWORK if hasattr(settings, "REST_FRAMEWORK") else {}
    assert answers == ({401} if first else {403})


def test_who_is_no_owner_gets_403(agent, minimal_urls):
    client = APIClient()
    client.force_login(agent)
    assert {response.status_code for response in everything(client)} == {403}
    assert not Fault.objects.exists()


def test_session_user_must_send_the_csrf_token(owner, minimal_urls):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(owner)
    assert post(client, mode="slow").status_code == 403


def test_browsable_page_shows_a_form(api):
    response = api.get(f"{BASE}/latency", HTTP_ACCEPT="text/html")
    assert response.status_code == 200
    assert 'name="ttlSec"' in text_of(response)


def test_production_has_no_such_address(api, chaos_settings):
    chaos_settings(ENVIRONMENT="production")
    assert {response.status_code for response in everything(api)} == {404}


@pytest.mark.django_db(transaction=True)
def test_arming_and_clearing_reach_this_process(api, running_control):
    fault_id = post(api, "redis", mode="down").json()["id"]
    wait_until(lambda: armed_names() == ["redis/down"], 1)
    assert api.delete(f"{BASE}/{fault_id}").status_code == 204
    wait_until(lambda: not armed_names(), 1)


def test_exercise_that_nobody_configured_says_so(api, chaos_settings):
    chaos_settings(EXERCISES="")
    assert api.post(f"{BASE}/test/queue").json() == {
        "target": "queue",
        "active": False,
        "affected": False,
        "error": "No exercise is configured for queue.",
        "latencyMs": None,
    }


def use_cache():
    get_redis_connection("default").ping()


def take_long():
    time.sleep(3)


EXERCISES = {"redis": use_cache, "provider": lambda: "provider/slow", "latency": take_long}


def exercise(api, target):
    response = api.post(f"{BASE}/test/{target}")
    assert response.status_code == 200
    return response.json()


@pytest.mark.django_db(transaction=True)
def test_exercise_is_not_exempt_and_tells_what_it_met(api, running_control, chaos_settings):
    if "django_redis" not in str(caches["default"].__class__.__mro__):
        pytest.skip("this project has no Redis cache")
    chaos_settings(EXERCISES="chaos.tests.test_api.EXERCISES")
    before = exercise(api, "redis")
    assert (before["active"], before["affected"], before["error"]) == (False, False, None)
    assert before["latencyMs"] > 0
    post(api, "redis", mode="down")
    during = exercise(api, "redis")
    assert (during["active"], during["affected"]) == (True, True)
    assert "ConnectionError" in during["error"]
    api.delete(BASE)
    after = exercise(api, "redis")
    assert (after["active"], after["affected"], after["error"]) == (False, False, None)


@pytest.mark.django_db(transaction=True)
def test_exercise_believes_the_header_of_another_process(api, running_control, chaos_settings):
    chaos_settings(EXERCISES="chaos.tests.test_api.EXERCISES")
    post(api, "provider", mode="slow")
    assert exercise(api, "provider")["affected"] is True


def test_exercise_is_given_up_after_its_time(api, chaos_settings, monkeypatch):
    monkeypatch.setattr(exercises, "CAP_SECONDS", 0.2)
    chaos_settings(EXERCISES="chaos.tests.test_api.EXERCISES")
    outcome = exercise(api, "latency")
    assert outcome["error"] == "No answer within 0 s."
    assert outcome["affected"] is False


def test_api_itself_is_never_faulted(api):
    kernel.arm([ActiveFault("slow", "latency", "slow", metadata={"delayMs": 5000})])
    started = time.monotonic()
    api.get(BASE)
    assert time.monotonic() - started < 2
