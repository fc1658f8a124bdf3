"""Every route, method and role: who is let in, who is told 401, who 403 and who 405."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import URLPattern

from helpdesk.access import Role
from helpdesk.api import urls
from helpdesk.tests.conftest import Client, bearer
from helpdesk.tests.factories import AttachmentFactory, TicketFactory, UserFactory

READERS = frozenset(Role)
WRITERS = frozenset({Role.OWNER, Role.ADMIN, Role.AGENT})
MANAGERS = frozenset({Role.OWNER, Role.ADMIN})
EVERYBODY = frozenset({*Role, None})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Door:
    """Who may use one method of a route, and what body gets past validation."""

    allowed: frozenset[Any]
    body: dict[str, Any] = field(default_factory=dict)


TICKET = {"subject": "Help", "channel": "web", "contact": {"name": "A", "address": "a@b.test"}}
CAMPAIGN = {"name": "News", "channel": "web", "body": "Hello {name}"}
NEWCOMER = {"email": "n@desk.test", "name": "N", "role": "VIEWER", "password": "long-and-odd-77"}
# Route → method → door. A route or a method that is missing here fails the test.
TABLE: dict[str, dict[str, Door]] = {
    "login": {"POST": Door(EVERYBODY)},
    "refresh": {"POST": Door(EVERYBODY)},
    "logout": {"POST": Door(EVERYBODY)},
    "me": {"GET": Door(READERS)},
    "ws-ticket": {"POST": Door(READERS)},
    "tickets": {"GET": Door(READERS), "POST": Door(WRITERS, TICKET)},
    "ticket": {"GET": Door(READERS), "PATCH": Door(WRITERS, {"priority": "high"})},
    "ticket-transition": {"POST": Door(WRITERS, {"status": "pending"})},
    "messages": {"GET": Door(READERS), "POST": Door(WRITERS, {"body": "Hello"})},
    "attachments": {"POST": Door(WRITERS)},
    "attachment": {"GET": Door(READERS)},
    "events": {"GET": Door(READERS)},
    "campaigns": {"GET": Door(READERS), "POST": Door(MANAGERS, CAMPAIGN)},
    "campaign": {"GET": Door(READERS)},
    "campaign-recipients": {"GET": Door(READERS)},
    "campaign-start": {"POST": Door(MANAGERS)},
    "campaign-pause": {"POST": Door(MANAGERS)},
    "campaign-resume": {"POST": Door(MANAGERS)},
    "campaign-cancel": {"POST": Door(MANAGERS)},
    "campaign-retry-failed": {"POST": Door(MANAGERS)},
    "dashboard": {"GET": Door(READERS)},
    "settings": {"GET": Door(MANAGERS), "PATCH": Door(MANAGERS, {"desk_name": "Desk"})},
    "webhook-endpoints": {
        "GET": Door(MANAGERS),
        "POST": Door(MANAGERS, {"url": "http://127.0.0.1:9/hook"}),
    },
    "webhook-endpoint": {"DELETE": Door(MANAGERS)},
    "webhook-endpoint-test": {"POST": Door(MANAGERS)},
    "webhook-deliveries": {"GET": Door(MANAGERS)},
    "dead-letters": {"GET": Door(READERS)},
    "dead-letter-redrive": {"POST": Door(MANAGERS)},
    "users": {"GET": Door(MANAGERS), "POST": Door(MANAGERS, NEWCOMER)},
    "user": {"PATCH": Door(MANAGERS, {"name": "New Name"})},
    "audit-log": {"GET": Door(MANAGERS)},
}
ROUTES = {str(pattern.name): pattern for pattern in urls.urlpatterns}


def address(pattern: URLPattern, **ids: int) -> str:
    route = str(pattern.pattern)
    for name, value in ids.items():
        route = route.replace(f"<int:{name}>", str(value))
    return f"/api/v1/{re.sub('<int:[a-z_]+>', '0', route)}"


def client_of(role: Role | None) -> Client:
    return Client() if role is None else bearer(UserFactory.create(role=role))


def expected(name: str, method: str, role: Role | None) -> str:
    door = TABLE[name].get(method)
    if door is None:
        return "405" if role is not None or EVERYBODY in _audiences(name) else "401"
    if role in door.allowed:
        return "allowed"
    return "401" if role is None else "403"


def _audiences(name: str) -> set[frozenset[Any]]:
    return {door.allowed for door in TABLE[name].values()}


def seen(status: int, code: str) -> str:
    """Sort an answer: a 401 that speaks of credentials is the login's own business."""
    if status == 401 and code in ("wrong_credentials", "invalid_refresh_token"):
        return "allowed"
    return str(status) if status in (401, 403, 405) else "allowed"


def _view_of(pattern: URLPattern) -> Any:
    """Return the class behind a route, which Django hangs on what `as_view` makes of it."""
    callback: Any = pattern.callback
    return callback.view_class


def test_every_route_is_in_the_table():
    assert set(ROUTES) == set(TABLE)


def test_every_method_of_every_route_is_in_the_table():
    for name, pattern in ROUTES.items():
        served = {method for method in METHODS if hasattr(_view_of(pattern), method.lower())}
        assert served == set(TABLE[name]), name


@pytest.fixture
def clients(db):
    """Return a client a role; None is nobody."""
    return {role: client_of(role) for role in (None, *Role)}


@pytest.mark.parametrize("name", ROUTES)
def test_every_door_opens_as_the_table_says(name, clients):
    attachment = AttachmentFactory.create() if name == "attachment" else None
    url = address(
        ROUTES[name],
        ticket_id=TicketFactory.create().pk,
        attachment_id=attachment.pk if attachment else 0,
    )
    answered, promised = {}, {}
    for method, (role, client) in itertools.product(METHODS, clients.items()):
        body = json.dumps(TABLE[name].get(method, Door(frozenset())).body)
        answer = client.generic(method, url, body, content_type="application/json")
        code = "" if answer.status_code < 400 else answer.json()["code"]
        assert answer.status_code < 500
        answered[method, role] = seen(answer.status_code, code)
        promised[method, role] = expected(name, method, role)

    assert answered == promised


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(TABLE))
def test_head_and_options_never_say_more_than_get(name):
    url = address(ROUTES[name], ticket_id=TicketFactory.create().pk, attachment_id=1)

    assert Client().head(url).status_code in (401, 405)
    assert Client().options(url).status_code in (200, 401)
    if "GET" in TABLE[name]:
        assert Client().options(url).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Token x", "Bearer a b"]
)
def test_a_bad_authorization_header_is_nobody(header):
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=header)

    answer = client.get("/api/v1/tickets")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_method_whose_right_nobody_named_is_closed_even_to_the_owner(owner, monkeypatch):
    view = _view_of(ROUTES["events"])
    monkeypatch.setattr(view, "delete", view.get, raising=False)

    assert bearer(owner).delete("/api/v1/events").status_code == 403
