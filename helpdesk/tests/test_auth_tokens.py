"""Staying in and getting out: refresh tokens rotate, replays end a login, tickets work once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.tokens import RefreshToken as SignedRefreshToken

from helpdesk.models import RefreshToken, SocketTicket
from helpdesk.services import accounts
from helpdesk.tests.conftest import Client, bearer
from helpdesk.tests.factories import PASSWORD, UserFactory
from helpdesk.tests.threads import together

REFRESH, LOGOUT = "/api/v1/auth/refresh", "/api/v1/auth/logout"


@pytest.fixture
def tokens(nobody, agent):
    answer = nobody.post("/api/v1/auth/login", {"email": agent.email, "password": PASSWORD})
    return answer.json()


def refresh(token):
    return Client().post(REFRESH, {"refresh": token})


def assert_refused(answer):
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_refresh_token"


def test_refresh_rotates_and_both_new_tokens_work(tokens):
    second = refresh(tokens["refresh"])

    assert second.status_code == 200
    assert second.json()["refresh"] != tokens["refresh"]
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {second.json()['access']}")
    assert client.get("/api/v1/auth/me").status_code == 200
    assert refresh(second.json()["refresh"]).status_code == 200


def test_a_used_token_is_refused_and_ends_its_whole_login(tokens):
    newest = refresh(tokens["refresh"]).json()["refresh"]

    assert_refused(refresh(tokens["refresh"]))
    assert_refused(refresh(newest))


def test_a_replay_leaves_the_users_other_logins_alone(nobody, agent, tokens):
    other = nobody.post("/api/v1/auth/login", {"email": agent.email, "password": PASSWORD}).json()[
        "refresh"
    ]
    refresh(tokens["refresh"])
    assert_refused(refresh(tokens["refresh"]))

    assert refresh(other).status_code == 200


def test_logout_ends_the_login(nobody, tokens):
    assert nobody.post(LOGOUT, {"refresh": tokens["refresh"]}).status_code == 204

    assert_refused(refresh(tokens["refresh"]))
    assert_refused(nobody.post(LOGOUT, {"refresh": tokens["refresh"]}))


def test_logging_out_with_the_newest_token_ends_the_family(nobody, tokens):
    newest = refresh(tokens["refresh"]).json()["refresh"]
    nobody.post(LOGOUT, {"refresh": newest})

    assert_refused(refresh(newest))


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "é" * 40])
def test_garbage_is_no_refresh_token(db, garbage):
    assert_refused(refresh(garbage))


def test_an_access_token_is_no_refresh_token(tokens):
    assert_refused(refresh(tokens["access"]))


def test_a_refresh_token_is_no_access_token(tokens):
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['refresh']}")

    assert client.get("/api/v1/auth/me").status_code == 401


def test_a_signed_token_that_was_never_stored_is_refused(agent):
    assert_refused(refresh(str(SignedRefreshToken.for_user(agent))))


def test_an_expired_access_token_is_refused(agent):
    token = AccessToken.for_user(agent)
    token.set_exp(lifetime=-timedelta(seconds=1))
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    assert client.get("/api/v1/auth/me").status_code == 401


def test_an_inactive_user_cannot_refresh(agent, tokens):
    agent.is_active = False
    agent.save()

    assert_refused(refresh(tokens["refresh"]))


@pytest.mark.django_db(transaction=True)
def test_eight_parallel_refreshes_give_exactly_one_200_and_no_survivor():
    tokens = accounts.issue_tokens(user=UserFactory.create(), now=timezone.now())

    answers = together(8, lambda _: refresh(tokens.refresh))

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert_refused(refresh(winner.json()["refresh"]))
    assert not RefreshToken.objects.filter(revoked_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_replay_that_overtakes_the_winner_still_ends_its_login(monkeypatch):
    tokens = accounts.issue_tokens(user=UserFactory.create(), now=timezone.now())
    issue = accounts._issue

    def issue_slowly(**of):
        time.sleep(0.4)
        return issue(**of)

    monkeypatch.setattr(accounts, "_issue", issue_slowly)

    def present(number):
        time.sleep(number * 0.15)
        return refresh(tokens.refresh)

    winner, replay = together(2, present)

    assert (winner.status_code, replay.status_code) == (200, 401)
    assert_refused(refresh(winner.json()["refresh"]))


def test_a_socket_ticket_works_once(agent):
    answer = bearer(agent).post("/api/v1/auth/ws-ticket")
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 30)
    ticket = answer.json()["ticket"]

    assert accounts.redeem_socket_ticket(ticket=ticket, now=timezone.now()) == agent
    assert accounts.redeem_socket_ticket(ticket=ticket, now=timezone.now()) is None


@pytest.mark.parametrize(("age_seconds", "is_valid"), [(29.9, True), (30.0, False), (31, False)])
def test_a_socket_ticket_lives_thirty_seconds(agent, age_seconds, is_valid):
    issued_at = timezone.now()
    ticket = accounts.issue_socket_ticket(user=agent, now=issued_at)

    user = accounts.redeem_socket_ticket(
        ticket=ticket, now=issued_at + timedelta(seconds=age_seconds)
    )

    assert (user == agent) is is_valid


def test_a_socket_ticket_of_an_inactive_user_opens_nothing(agent):
    ticket = accounts.issue_socket_ticket(user=agent, now=timezone.now())
    agent.is_active = False
    agent.save()

    assert accounts.redeem_socket_ticket(ticket=ticket, now=timezone.now()) is None


def test_the_database_never_holds_a_socket_ticket_itself(agent):
    ticket = accounts.issue_socket_ticket(user=agent, now=timezone.now())

    assert not SocketTicket.objects.filter(digest__contains=ticket[:20]).exists()
    assert SocketTicket.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_parallel_sockets_share_no_ticket():
    now = timezone.now()
    ticket = accounts.issue_socket_ticket(user=UserFactory.create(), now=now)

    users = together(8, lambda _: accounts.redeem_socket_ticket(ticket=ticket, now=now))

    assert sum(user is not None for user in users) == 1
