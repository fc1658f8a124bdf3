"""The browser's door: redirects, sessions, refusals."""

from __future__ import annotations

import pytest
from django.test import Client

from helpdesk.tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def log_in(desk, user, **extra):
    form = {"email": user.email, "password": PASSWORD, **extra}
    return desk.post("/login", form)


def test_a_stranger_is_sent_to_the_login_and_back(client, agent, ticket):
    answer = client.get(f"/tickets/{ticket.pk}")
    assert (answer.status_code, answer["Location"]) == (302, f"/login?next=/tickets/{ticket.pk}")
    assert f'value="/tickets/{ticket.pk}"' in client.get(answer["Location"]).content.decode()
    answer = log_in(client, agent, next=f"/tickets/{ticket.pk}")
    assert (answer.status_code, answer["Location"]) == (302, f"/tickets/{ticket.pk}")
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "http:evil.test"],
)
def test_login_never_leads_to_another_site(client, agent, elsewhere):
    assert log_in(client, agent, next=elsewhere)["Location"] == "/tickets"


def test_the_root_leads_to_the_tickets(client):
    assert client.get("/")["Location"] == "/tickets"


def test_a_wrong_password_keeps_the_email_and_starts_no_session(client, agent):
    answer = client.post("/login", {"email": agent.email, "password": "wrong"})
    assert answer.status_code == 401
    assert "Wrong e-mail or password." in answer.content.decode()
    assert agent.email in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("email", ["", "a\0b@desk.test", "x" * 5000])
def test_what_cannot_be_an_email_is_simply_wrong(client, email):
    answer = client.post("/login", {"email": email, "password": PASSWORD})
    assert answer.status_code == 401
    assert client.post("/login", {}).status_code == 401


def test_an_inactive_user_does_not_get_in(client, agent):
    agent.is_active = False
    agent.save(update_fields=["is_active"])
    assert log_in(client, agent).status_code == 401


def test_too_many_failures_close_the_door_and_say_for_how_long(client, agent, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/login", {"email": agent.email, "password": "wrong"})
    assert answer.status_code == 429
    answer = log_in(client, agent)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "Wait 15 minutes" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_session_gets_a_new_key_at_login(client, agent):
    client.get("/login")
    client.session["seen"] = True
    client.session.save()
    before = client.session.session_key
    log_in(client, agent)
    assert client.session.session_key != before


def test_login_and_logout_want_their_csrf_token(agent):
    desk = Client(enforce_csrf_checks=True)
    assert log_in(desk, agent).status_code == 403
    assert "too old" in desk.post("/logout").content.decode()


def test_logout_ends_the_session_and_takes_a_post(client, agent):
    client.force_login(agent)
    assert client.get("/logout").status_code == 405
    answer = client.post("/logout")
    assert (answer.status_code, answer["Location"]) == (302, "/login")
    assert client.get("/tickets").status_code == 302


def test_who_is_in_does_not_log_in_again(client, agent):
    client.force_login(agent)
    assert client.get("/login?next=/tickets?status=open")["Location"] == "/tickets?status=open"
