"""The API against its own schema: schemathesis asks, for the owner, what nobody thought of."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from rest_framework_simplejwt.tokens import AccessToken
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from helpdesk.api.documented import EXAMPLES
from helpdesk.api.urls import urlpatterns
from helpdesk.models import Campaign, DeadLetter, Ticket, WebhookEndpoint
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import LONG_AGO, AttachmentFactory, MessageFactory

# Of the product; the tools' APIs are tested by their own apps.
OURS = r"^/api/v1/(?!dev/|slo|webhooks/)"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
pytestmark = pytest.mark.django_db


def generated():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def ids(agent):
    """Return the id of a row for every name in a path, so that not every call ends in a 404."""
    message = MessageFactory.create(status="failed")
    letter = DeadLetter.objects.create(message=message, reason="x", attempts=8, created_at=LONG_AGO)
    campaign = Campaign.objects.create(
        name="c", channel="web", body="b", audience={"channel": "web"}, created_at=LONG_AGO
    )
    endpoint = WebhookEndpoint.objects.create(
        url="https://hooks.test/", events=["message.created"], secret="whsec_", created_at=LONG_AGO
    )
    return {
        "ticket_id": message.ticket_id,
        "attachment_id": AttachmentFactory.create(message=message).pk,
        "campaign_id": campaign.pk,
        "dead_letter_id": letter.pk,
        "endpoint_id": endpoint.pk,
        "user_id": agent.pk,
    }


@pytest.fixture
def _one_connection():
    """Keep the test's connection over requests, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


OPENAPI = schemathesis.openapi.from_dict(generated())
OPENAPI.app = get_wsgi_application()
FOUND = [found.ok() for found in OPENAPI.include(path_regex=OURS).get_all_operations()]  # type: ignore[union-attr]  # an invalid schema fails here
OPERATIONS = {operation.label: operation for operation in FOUND}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("_one_connection")
def test_every_answer_is_one_that_the_schema_names(name, owner, ids):
    token = f"Bearer {AccessToken.for_user(owner)}"
    seen: list[int] = []

    @given(case=OPERATIONS[name].as_strategy())
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        if len(seen) % 2:
            case.path_parameters = {key: ids[key] for key in case.path_parameters or {}}
        answer = case.call(headers={"Authorization": token})
        seen.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    assert seen
    assert max(seen) < 500


def test_every_route_is_in_the_schema():
    paths = set(generated()["paths"])

    missing = [
        str(pattern.pattern)
        for pattern in urlpatterns
        if "/api/v1/" + str(pattern.pattern).replace("<int:", "{").replace(">", "}") not in paths
    ]
    assert missing == []


def test_operations_have_names_of_their_own_and_say_what_they_are_for():
    operations = [
        operation
        for operations in generated()["paths"].values()
        for operation in operations.values()
    ]

    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert [o["operationId"] for o in operations if not o.get("description")] == []


def test_examples_are_of_shapes_that_exist():
    assert set(EXAMPLES) <= set(generated()["components"]["schemas"])


def test_the_examples_work(owner):
    client = bearer(owner)
    made = client.post("/api/v1/tickets", EXAMPLES["TicketInRequest"])
    url = f"/api/v1/tickets/{made.json()['id']}"

    answers = [
        client.patch(url, EXAMPLES["PatchedTicketChangesRequest"]),
        client.post(f"{url}/messages", EXAMPLES["MessageInRequest"]),
        client.post(f"{url}/transition", EXAMPLES["MoveInRequest"]),
        client.patch("/api/v1/settings", EXAMPLES["PatchedSettingsInRequest"]),
    ]

    assert [answer.status_code for answer in (made, *answers)] == [201, 200, 201, 200, 200]
    assert Ticket.objects.get().status == "resolved"
