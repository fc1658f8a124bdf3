"""The product at its front door while each fault holds, and after it."""

import time

import pytest
from django.db import connections
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.postgres import slots
from helpdesk.access import Role
from helpdesk.selectors import cache
from helpdesk.tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
TICKETS, DASHBOARD = "/api/v1/tickets", "/api/v1/dashboard"
TICKET = {
    "subject": "Faults",
    "channel": "web",
    "contact": {"name": "Zé", "address": "ze@example.com"},
}


@pytest.fixture
def api(transactional_db):
    cache._quiet.until = 0.0  # what the test before taught about a lost cache
    client = APIClient(raise_request_exception=False)
    token = AccessToken.for_user(UserFactory.create(role=Role.AGENT))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    yield client
    kernel.arm([])
    connections.close_all()
    eventually(lambda: not slots._held.pools)


def arm(target, mode, **metadata):
    """Arm as between two requests: no connection is taken along from the one before."""
    kernel.arm([ActiveFault(mode, target, mode, metadata=metadata)])
    connections.close_all()


def eventually(is_true):
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_served(api):
    connections.close_all()
    return api.get(TICKETS).status_code == 200


@pytest.mark.parametrize("mode", ["500", "deadlock", "down", "pool"])
def test_lost_database_is_503_with_a_hint_and_over_by_itself(api, mode):
    assert is_served(api)
    arm("postgres", mode)
    answer = api.get(TICKETS)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "database_unavailable"
    assert answer["X-Chaos-Fault"] == f"postgres/{mode}"

    exempt = api.get("/readyz")  # what operators look at goes past the fault
    assert exempt.status_code == 200
    assert "X-Chaos-Fault" not in exempt

    kernel.arm([])
    eventually(lambda: is_served(api))


def test_database_that_takes_no_writes_still_answers_reads(api):
    arm("postgres", "readonly")
    assert api.get(TICKETS).status_code == 200
    refused = api.post(TICKETS, TICKET, format="json")
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) > 0
    kernel.arm([])
    connections.close_all()
    assert api.post(TICKETS, TICKET, format="json").status_code == 201


def test_slow_database_delays_only_the_route_that_was_named(api):
    arm("postgres", "slow", delayMs=50, route=TICKETS, method="GET")
    slow = api.get(TICKETS)
    assert (slow.status_code, slow["X-Chaos-Fault"]) == (200, "postgres/slow")
    assert "X-Chaos-Fault" not in api.get("/api/v1/auth/me")


@pytest.mark.parametrize(
    ("mode", "metadata"),
    [("down", {}), ("slow", {"delayMs": 60_000}), ("errors", {}), ("miss", {})],
)
def test_lost_cache_costs_time_and_no_request(api, mode, metadata):
    arm("redis", mode, scope="cache", **metadata)
    answer = api.get(DASHBOARD)
    assert answer.status_code == 200
    assert answer["X-Chaos-Fault"] == f"redis/{mode}"
