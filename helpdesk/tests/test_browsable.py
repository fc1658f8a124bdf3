"""The API for a person with a browser."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from helpdesk.models import Ticket
from helpdesk.tests.factories import TicketFactory

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client(headers={"accept": "text/html"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(client, url):
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    return answer.content.decode()


def fields_of(html, form_id):
    form = html.split(f'id="{form_id}"')[1].split("</form>")[0]
    return set(re.findall(r'name="([^"]+)"', form)) - {"csrfmiddlewaretoken"}


def test_a_list_shows_its_filters_and_a_form_to_add(owner):
    html = page(browser(owner), "/api/v1/tickets?status=open&q=late")

    assert fields_of(html, "filtersModal") == {
        "limit", "status", "priority", "channel", "assignee", "tag", "q",
    }  # fmt: skip
    assert re.search(r'<option value="open" selected', html)
    assert 'value="late"' in html
    assert fields_of(html, "post-object-form") >= {"subject", "channel", "contact.name"}


def test_the_filters_as_a_form_sends_them_are_taken(owner):
    TicketFactory.create(priority="high")
    url = "/api/v1/tickets?limit=&status=open&priority=high&priority=low&assignee=&tag=&q="

    assert "Parcel" in page(browser(owner), url)


def test_the_form_to_add_adds(owner):
    answer = browser(owner).post(
        "/api/v1/tickets",
        {"subject": "By hand", "channel": "web", "priority": "low", "contact.name": "Ana",
         "contact.address": "ana@x.test", "body": ""},
    )  # fmt: skip

    assert answer.status_code == 201
    assert Ticket.objects.get().contact.name == "Ana"


def test_a_field_that_a_form_makes_up_is_refused(owner):
    answer = browser(owner).post("/api/v1/auth/ws-ticket", {"x.y": "1"})
    refused = browser(owner).post("/api/v1/tickets", {"subject": "x", "extra.name": "1"})

    assert answer.status_code == 201
    assert "Unknown field" in refused.content.decode()


def test_a_ticket_has_a_form_filled_with_what_it_is(owner, agent):
    ticket = TicketFactory.create(subject="Late again", assignee=agent, priority="high")
    html = page(browser(owner), f"/api/v1/tickets/{ticket.pk}")
    form = html.split('id="patch-object-form"')[1].split("</form>")[0]

    assert 'data-method="PATCH"' in html
    assert 'value="Late again"' in form
    assert f'value="{agent.pk}"' in form
    assert re.search(r'<option value="high" selected', form)


def test_settings_have_a_form_with_a_number_for_each_priority(owner):
    html = page(browser(owner), "/api/v1/settings")

    assert fields_of(html, "patch-object-form") >= {
        "desk_name", "auto_close_after_days", "first_response_target_minutes.urgent",
    }  # fmt: skip


def test_who_may_not_write_is_offered_no_form(viewer):
    html = page(browser(viewer), f"/api/v1/tickets/{TicketFactory.create().pk}")

    assert "patch-object-form" not in html
    assert "post-object-form" not in page(browser(viewer), "/api/v1/tickets")


def test_a_move_and_a_message_have_forms_although_they_show_nothing_yet(owner):
    ticket = TicketFactory.create()

    moved = browser(owner).get(f"/api/v1/tickets/{ticket.pk}/transition")

    assert moved.status_code == 405
    assert fields_of(moved.content.decode(), "post-object-form") == {"status"}


def test_every_page_says_what_it_is_for(owner):
    html = page(browser(owner), "/api/v1/dashboard")

    assert "The desk at a glance" in html
    assert "Steadydesk" in html
