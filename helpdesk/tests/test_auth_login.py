"""The front door: who gets in, and what guessing costs."""

from __future__ import annotations

import pytest

from helpdesk.access import Role
from helpdesk.tests.conftest import Client, bearer
from helpdesk.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LOGIN = "/api/v1/auth/login"


def log_in(client, email, password=PASSWORD, **extra):
    return client.post(LOGIN, {"email": email, "password": password}, **extra)


def fail(client, email, times, **extra):
    return [log_in(client, email, "wrong", **extra) for _ in range(times)][-1]


def test_right_password_gives_tokens_that_work_and_tells_who_you_are(nobody, viewer):
    answer = log_in(nobody, viewer.email)

    assert answer.status_code == 200
    assert answer.json()["user"] == {
        "id": viewer.pk,
        "email": viewer.email,
        "name": "Vera Viewer",
        "role": "VIEWER",
    }
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    me = client.get("/api/v1/auth/me")
    assert (me.status_code, me.json()["email"]) == (200, viewer.email)


def test_email_is_read_without_regard_to_case(nobody, agent):
    assert log_in(nobody, agent.email.upper()).status_code == 200


def test_wrong_password_and_unknown_email_get_the_same_401_problem(nobody, agent):
    wrong = log_in(nobody, agent.email, "wrong")
    unknown = log_in(nobody, "nobody@desk.test")

    for answer in (wrong, unknown):
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "wrong_credentials"
        assert answer.json()["trace_id"] == answer["X-Trace-Id"]
    assert wrong.json()["detail"] == unknown.json()["detail"]


def test_inactive_user_cannot_log_in(nobody):
    left = UserFactory.create(is_active=False)

    assert log_in(nobody, left.email).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "email"),
        ({"email": "a@b.test"}, "password"),
        ({"email": "a@b.test", "password": ""}, "password"),
        ({"email": "a\x00@b.test", "password": "x"}, "email"),
        ({"email": "a@b.test", "password": "x", "remember": True}, "remember"),
        ({"email": ["a@b.test"], "password": "x"}, "email"),
    ],
)
def test_malformed_login_names_its_field(nobody, body, field):
    answer = nobody.post(LOGIN, body)

    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_login_body_that_is_no_object_is_refused(nobody):
    assert nobody.post(LOGIN, ["a"]).status_code == 400


def test_too_many_failures_close_the_door_even_to_the_right_password(nobody, agent):
    assert fail(nobody, agent.email, 10).status_code in (401, 429)

    answer = log_in(nobody, agent.email)

    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "too_many_failures"
    assert int(answer["Retry-After"]) > 0


def test_nine_failures_do_not_close_the_door(nobody, agent):
    fail(nobody, agent.email, 9)

    assert log_in(nobody, agent.email).status_code == 200


def test_a_forged_forwarding_address_does_not_open_a_closed_door(nobody, agent):
    fail(nobody, agent.email, 10)

    answer = log_in(nobody, agent.email, HTTP_X_FORWARDED_FOR="203.0.113.9")

    assert answer.status_code == 429


def test_changing_forged_addresses_do_not_escape_the_count(nobody, agent):
    for number in range(10):
        log_in(nobody, agent.email, "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")

    assert log_in(nobody, agent.email).status_code == 429


def test_one_closed_door_leaves_other_people_alone(nobody, agent, viewer):
    fail(nobody, agent.email, 10)

    assert log_in(nobody, viewer.email).status_code == 200


def test_failures_at_the_admin_door_count_at_the_api_too(client, nobody):
    admin = UserFactory.create(role=Role.ADMIN)
    for _ in range(10):
        client.post("/admin/login/", {"username": admin.email, "password": "wrong"})

    at_admin = client.post("/admin/login/", {"username": admin.email, "password": PASSWORD})
    at_api = log_in(nobody, admin.email)

    assert at_admin.status_code == 429
    assert int(at_admin["Retry-After"]) > 0
    assert at_api.status_code == 429


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.AGENT, 302), (Role.VIEWER, 302)],
)
def test_the_admin_opens_for_those_who_manage_only(client, role, status):
    client.force_login(
        UserFactory.create(role=role), backend="django.contrib.auth.backends.ModelBackend"
    )

    assert client.get("/admin/").status_code == status


def test_a_demoted_user_loses_access_at_the_next_call(agent, ticket):
    client = bearer(agent)
    url = f"/api/v1/tickets/{ticket.pk}/messages"
    assert client.post(url, {"body": "hello"}).status_code == 201

    agent.role = Role.VIEWER
    agent.save()

    assert client.post(url, {"body": "hello"}).status_code == 403
    assert client.get(url).status_code == 200


def test_a_deactivated_user_loses_access_at_the_next_call(agent):
    client = bearer(agent)
    assert client.get("/api/v1/tickets").status_code == 200

    agent.is_active = False
    agent.save()

    answer = client.get("/api/v1/tickets")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_user_may_read_and_needs_a_csrf_token_to_write(agent, ticket):
    client = Client(enforce_csrf_checks=True)
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/api/v1/tickets").status_code == 200
    refused = client.post(f"/api/v1/tickets/{ticket.pk}/messages", {"body": "x"})
    assert refused.status_code == 403
