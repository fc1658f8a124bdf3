"""The people who work here: who makes and changes whom, and what a loss ends at once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from helpdesk.access import Role
from helpdesk.models import AuditEntry, SocketTicket, User
from helpdesk.services import accounts, users
from helpdesk.tests.conftest import Client, bearer
from helpdesk.tests.factories import PASSWORD, UserFactory
from helpdesk.tests.threads import together

USERS = "/api/v1/users"
ODD = "mostly-odd-words-77"
NEWCOMER = {"email": "Nina@Desk.test", "name": "Nina", "role": "AGENT", "password": ODD}


@pytest.fixture
def boss(owner):
    return bearer(owner)


@pytest.fixture
def manager(admin):
    return bearer(admin)


def change(client, user, **changes):
    return client.patch(f"{USERS}/{user.pk}", changes)


def log_in(user, password=PASSWORD):
    return Client().post("/api/v1/auth/login", {"email": user.email, "password": password})


def refresh(token):
    return Client().post("/api/v1/auth/refresh", {"refresh": token})


def test_the_list_pages_through_everybody_once(boss, owner):
    UserFactory.create_batch(5)
    seen, url = [], f"{USERS}?limit=2"
    while url:
        page = boss.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert seen == list(User.objects.order_by("id").values_list("id", flat=True))


def test_the_list_costs_the_same_however_long(boss, django_assert_num_queries):
    UserFactory.create_batch(3)
    with django_assert_num_queries(2):  # whose token it is, and the page
        boss.get(USERS)


def test_a_foreign_cursor_is_refused(boss):
    assert boss.get(f"{USERS}?cursor=abc").json()["code"] == "bad_cursor"


def test_a_newcomer_signs_in_with_their_own_words(manager):
    answer = manager.post(USERS, NEWCOMER)

    assert answer.status_code == 201
    made = answer.json()
    assert (made["email"], made["role"], made["is_active"]) == ("nina@desk.test", "AGENT", True)
    assert made["last_login"] is None
    assert "password" not in answer.content.decode()
    assert log_in(User.objects.get(pk=made["id"]), ODD).status_code == 200


@pytest.mark.parametrize(
    ("role", "is_staff", "is_superuser"),
    [("OWNER", True, True), ("ADMIN", True, False), ("AGENT", False, False)],
)
def test_the_role_decides_who_may_open_the_admin(boss, role, is_staff, is_superuser):
    made = boss.post(USERS, {**NEWCOMER, "role": role}).json()
    user = User.objects.get(pk=made["id"])
    assert (user.is_staff, user.is_superuser) == (is_staff, is_superuser)

    change(boss, user, role="VIEWER")
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nina"),
        ("email", "a\0b@c.test"),
        ("email", "x" * 260 + "@desk.test"),
        ("name", ""),
        ("name", "n" * 121),
        ("role", "BOSS"),
        ("password", "short"),
        ("password", "password123"),
        ("password", "nina@desk.test"),
        ("is_staff", True),
    ],
)
def test_a_bad_field_is_named_and_nobody_is_made(manager, field, value):
    answer = manager.post(USERS, {**NEWCOMER, field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not User.objects.filter(name="Nina").exists()


def test_an_email_signs_in_one_person(manager):
    UserFactory.create(email="nina@desk.test")

    answer = manager.post(USERS, NEWCOMER)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["email"]
    assert User.objects.filter(email="nina@desk.test").count() == 1


def test_an_admin_neither_makes_nor_touches_an_owner(manager, owner, agent):
    assert manager.post(USERS, {**NEWCOMER, "role": "OWNER"}).status_code == 403
    assert change(manager, agent, role="OWNER").status_code == 403
    for changes in ({"name": "X"}, {"role": "VIEWER"}, {"is_active": False}, {"password": ODD}):
        assert change(manager, owner, **changes).status_code == 403

    owner.refresh_from_db()
    assert (owner.role, owner.is_active, owner.name) == ("OWNER", True, "Olga Owner")
    assert owner.check_password(PASSWORD)


@pytest.mark.parametrize("changes", [{"role": "AGENT"}, {"is_active": False}])
def test_nobody_lowers_or_locks_out_themselves(manager, admin, changes):
    answer = change(manager, admin, **changes)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_account")
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("ADMIN", True)


def test_repeating_what_is_so_is_no_change_of_ones_own_role(manager, admin):
    assert change(manager, admin, role="ADMIN", is_active=True, name="Ada B.").status_code == 200


def test_one_owner_may_lower_another(boss, owner):
    other = UserFactory.create(role=Role.OWNER)

    assert change(boss, other, role="ADMIN").status_code == 200


@pytest.mark.parametrize("loss", [{"role": Role.VIEWER}, {"is_active": False}])
def test_who_lost_their_rights_a_moment_ago_changes_nobody(owner, agent, loss):
    """The request let them in; the locked row decides."""
    let_in = UserFactory.create(role=Role.OWNER)
    User.objects.filter(pk=let_in.pk).update(**loss)

    with pytest.raises(users.MayNot):
        users.change(user_id=agent.pk, actor=let_in, changes={"name": "X"}, now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_lower_each_other_leave_one():
    pair = UserFactory.create_batch(2, role=Role.OWNER)

    answers = together(2, lambda i: change(bearer(pair[i]), pair[1 - i], role="VIEWER").status_code)

    assert sorted(answers) == [200, 403]
    assert User.objects.filter(role=Role.OWNER, is_active=True).count() == 1


def test_nobody_is_where_no_user_is(boss):
    for user_id in (0, 999_999, 10**25):
        assert boss.patch(f"{USERS}/{user_id}", {"name": "X"}).status_code == 404


def test_a_new_password_works_and_the_old_does_not(manager, agent):
    assert change(manager, agent, password=ODD).status_code == 200

    assert log_in(agent).status_code == 401
    assert log_in(agent, ODD).status_code == 200


def test_a_weak_new_password_changes_nothing(manager, agent):
    answer = change(manager, agent, password="12345", name="Changed")

    assert list(answer.json()["errors"]) == ["password"]
    agent.refresh_from_db()
    assert agent.name == "Ari Agent"
    assert agent.check_password(PASSWORD)


LOSSES = [{"role": "VIEWER"}, {"is_active": False}, {"password": ODD}]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_ends_every_login_at_once(manager, agent, loss):
    phone, laptop = log_in(agent).json(), log_in(agent).json()
    ticket = accounts.issue_socket_ticket(user=agent, now=timezone.now())

    assert change(manager, agent, **loss).status_code == 200

    for login in (phone, laptop):
        assert refresh(login["refresh"]).status_code == 401
    assert accounts.redeem_socket_ticket(ticket=ticket, now=timezone.now()) is None
    assert not SocketTicket.objects.exists()


def test_a_gain_ends_no_login(manager, viewer):
    login = log_in(viewer).json()

    change(manager, viewer, role="AGENT", name="Vera")

    assert refresh(login["refresh"]).status_code == 200


@pytest.mark.parametrize("loss", [{"is_active": False}, {"password": ODD}])
def test_access_tokens_stop_working_too(manager, agent, loss):
    client = bearer(agent)
    assert client.get("/api/v1/auth/me").status_code == 200

    change(manager, agent, **loss)

    answer = client.get("/api/v1/auth/me")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_a_password_changed_elsewhere_ends_logins_too(agent):
    """`manage.py changepassword` and the admin's own page know nothing of our tokens."""
    login = log_in(agent).json()
    agent.set_password(ODD)
    agent.save(update_fields=["password"])

    answer = refresh(login["refresh"])

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")


def test_a_reactivated_user_must_log_in_again(manager, agent):
    login = log_in(agent).json()
    change(manager, agent, is_active=False)
    change(manager, agent, is_active=True)

    assert refresh(login["refresh"]).status_code == 401
    assert log_in(agent).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(5))
def test_a_refresh_that_races_a_deactivation_leaves_no_token(_round):
    boss, agent = UserFactory.create(role=Role.OWNER), UserFactory.create()
    login = accounts.issue_tokens(user=agent, now=timezone.now())
    client = bearer(boss)

    def race(number):
        return change(client, agent, is_active=False) if number else refresh(login.refresh)

    together(2, race)

    assert not agent.refresh_tokens.filter(used_at=None, revoked_at=None).exists()


def test_checking_the_password_costs_no_query(api, django_assert_num_queries):
    with django_assert_num_queries(1):
        api.get("/api/v1/auth/me")


def test_what_was_changed_is_audited_without_the_password(manager, admin, agent):
    change(manager, agent, role="VIEWER", password=ODD, name=agent.name)

    entry = AuditEntry.objects.get(action="user.change")
    assert (entry.actor, entry.target_type, entry.target_id) == (admin, "user", str(agent.pk))
    assert (entry.before, entry.after) == (
        {"role": "AGENT"},
        {"role": "VIEWER", "password_changed": True},
    )
    assert entry.ip == "127.0.0.1"
    assert len(entry.trace_id) == 32


def test_a_refusal_leaves_no_entry(manager, owner):
    change(manager, owner, name="X")

    assert not AuditEntry.objects.exists()


def test_a_change_of_nothing_is_no_act(manager, agent):
    assert change(manager, agent, name=agent.name).status_code == 200
    assert change(manager, agent).status_code == 200

    assert not AuditEntry.objects.exists()
