"""Users in the admin: the same services, rules and audit as by the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from helpdesk.models import AuditEntry, User
from helpdesk.services import accounts
from helpdesk.tests.factories import PASSWORD

ADD = "admin:helpdesk_user_add"
ODD = "mostly-odd-words-77"
NINA = {"email": "Nina@desk.test", "name": "Nina", "role": "AGENT", "password": ODD}


def at_desk(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def save(client, user, **changes):
    fields = {"name": user.name, "role": user.role, "is_active": "on", "password": "", **changes}
    url = reverse("admin:helpdesk_user_change", args=[user.pk])
    sent = {name: value for name, value in fields.items() if value is not None}
    return client.post(url, sent, follow=True)


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def test_a_newcomer_is_made_and_audited(admin):
    answer = at_desk(admin).post(reverse(ADD), NINA, follow=True)

    assert answer.status_code == 200
    nina = User.objects.get(email="nina@desk.test")
    assert check_password(ODD, nina.password)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == ("user.create", admin, str(nina.pk))
    assert entry.ip == "127.0.0.1"


@pytest.mark.parametrize("password", ["", "short"])
def test_a_newcomer_needs_a_good_password(admin, password):
    answer = at_desk(admin).post(reverse(ADD), {**NINA, "password": password}, follow=True)

    text = answer.content.decode()
    assert "needs a password" in text or "too short" in text
    assert not User.objects.filter(name="Nina").exists()
    assert not AuditEntry.objects.exists()


def test_a_change_goes_through_the_service(admin, agent):
    login = accounts.issue_tokens(user=agent, now=timezone.now())

    save(at_desk(admin), agent, role="VIEWER", name="Ari B.")

    agent.refresh_from_db()
    assert (agent.role, agent.name, agent.is_active) == ("VIEWER", "Ari B.", True)
    assert agent.check_password(PASSWORD)
    with pytest.raises(accounts.InvalidRefreshToken):
        accounts.refresh_tokens(refresh=login.refresh, now=timezone.now())
    assert AuditEntry.objects.get().after == {"name": "Ari B.", "role": "VIEWER"}


def test_a_new_password_is_set_and_never_shown(admin, agent):
    client = at_desk(admin)
    save(client, agent, password=ODD)

    agent.refresh_from_db()
    assert agent.check_password(ODD)
    page = client.get(reverse("admin:helpdesk_user_change", args=[agent.pk])).content.decode()
    assert ODD not in page
    assert agent.password not in page


def test_a_user_is_deactivated(admin, agent):
    save(at_desk(admin), agent, is_active=None)

    assert not User.objects.get(pk=agent.pk).is_active


def test_what_the_service_refuses_is_said_and_changes_nothing(admin, owner):
    answer = save(at_desk(admin), owner, name="X")

    assert said(answer) == ["Only an OWNER may make or change an OWNER."]
    assert User.objects.get(pk=owner.pk).name == "Olga Owner"
    assert not AuditEntry.objects.exists()


def test_nobody_lowers_themselves_here_either(owner):
    answer = save(at_desk(owner), owner, role="VIEWER")

    assert "Nobody changes their own role" in said(answer)[0]
    assert User.objects.get(pk=owner.pk).role == "OWNER"


def test_the_audit_log_is_read_only(owner, agent):
    client = at_desk(owner)
    save(client, agent, name="Ari B.")
    url = reverse("admin:helpdesk_auditentry_change", args=[AuditEntry.objects.get().pk])

    assert b"user.change" in client.get(url).content
    assert client.post(url, {"action": "x"}).status_code == 403
    assert AuditEntry.objects.get().action == "user.change"


def test_ones_own_new_password_is_audited_and_keeps_this_session_alone(admin):
    here, elsewhere = at_desk(admin), at_desk(admin)
    fields = {"old_password": PASSWORD, "new_password1": ODD, "new_password2": ODD}

    answer = here.post(reverse("admin:password_change"), fields, follow=True)

    assert answer.redirect_chain == [(reverse("admin:password_change_done"), 302)]
    admin.refresh_from_db()
    assert check_password(ODD, admin.password)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == ("user.change", admin, str(admin.pk))
    assert entry.after == {"password_changed": True}
    assert here.get(reverse("admin:index")).status_code == 200
    assert elsewhere.get(reverse("admin:index")).status_code == 302


def test_ones_own_new_password_needs_the_old_one(admin):
    fields = {"old_password": "not it", "new_password1": ODD, "new_password2": ODD}

    answer = at_desk(admin).post(reverse("admin:password_change"), fields)

    assert "old_password" in answer.context["form"].errors
    assert not AuditEntry.objects.exists()


def test_ones_own_password_is_changed_by_staff_alone(agent):
    answer = at_desk(agent).get(reverse("admin:password_change"))
    assert (answer.status_code, "/login/" in answer.url) == (302, True)
