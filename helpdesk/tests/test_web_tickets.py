"""The pages of tickets through Django's test client: roles, fragments, escaping, refusals."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.models import Event, Ticket
from helpdesk.selectors import users
from helpdesk.services import messages
from helpdesk.tests.factories import LONG_AGO, MessageFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(agent) -> Client:
    desk = Client()
    desk.force_login(agent)
    return desk


@pytest.fixture
def reader(viewer) -> Client:
    desk = Client()
    desk.force_login(viewer)
    return desk


def text_of(answer):
    return answer.content.decode()


def numbers_in(answer) -> list[int]:
    return [int(found) for found in re.findall(r'class="number">#(\d+)<', text_of(answer))]


def older_link(answer) -> str:
    found = re.search(r'href="(/tickets\?[^"]*cursor=[^"]+)"', text_of(answer))
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_pages_of_the_list_join_without_a_gap(desk):
    made = [
        TicketFactory.create(last_activity_at=LONG_AGO + timedelta(minutes=n // 2)).number
        for n in range(30)
    ]
    first = desk.get("/tickets")
    second = desk.get(older_link(first), headers=HTMX)
    assert len(numbers_in(first)) == 25
    assert set(numbers_in(first) + numbers_in(second)) == set(made)
    assert len(numbers_in(second)) == 5
    assert "<html" not in text_of(second)
    assert "cursor=" not in text_of(second)


def test_a_filter_survives_paging(desk):
    for _ in range(26):
        TicketFactory.create(status="pending")
    assert "status=pending" in older_link(desk.get("/tickets?status=pending"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", {"mine", "urgent"}),
        ("status=resolved", {"done"}),
        ("priority=urgent", {"urgent"}),
        ("channel=email", {"done"}),
        ("assignee=me", {"mine"}),
        ("assignee=none", {"urgent", "done"}),
        ("q=urg", {"urgent"}),
        ("status=nonsense&assignee=you", {"mine", "urgent", "done"}),
    ],
)
def test_filters_show_what_they_say(desk, agent, query, found):
    TicketFactory.create(subject="mine", assignee=agent)
    TicketFactory.create(subject="urgent", priority="urgent")
    TicketFactory.create(subject="done", status="resolved", channel="email")
    html = text_of(desk.get(f"/tickets?{query}"))
    assert set(re.findall(r"</span> (mine|urgent|done)</a>", html)) == found


def test_an_empty_list_says_why(desk, ticket):
    assert "No ticket matches" in text_of(desk.get("/tickets?q=zzz"))
    Ticket.objects.all().delete()
    assert "No tickets yet" in text_of(desk.get("/tickets"))


def test_a_foreign_cursor_is_refused_on_a_page(desk):
    answer = desk.get("/tickets?cursor=made-up")
    assert answer.status_code == 400
    assert "not issued here" in text_of(answer)


def test_restored_history_gets_a_whole_page(desk):
    restoring = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in text_of(desk.get("/tickets", headers=restoring))
    answer = desk.get("/tickets", headers=HTMX)
    assert "<html" not in text_of(answer)
    assert "HX-Request" in answer["Vary"]
    assert "no-store" in answer["Cache-Control"]


def test_a_waiting_customer_stands_out_until_answered(desk, agent, ticket):
    now = timezone.now()
    fresh = messages.open_conversation(
        subject="s", channel="web", priority="low", body="hello?", now=now,
        contact={"name": "Nina", "address": "n@x.test"},
    )  # fmt: skip
    assert text_of(desk.get("/tickets")).count('class="ticket waiting"') == 1
    draft = messages.Draft(body="Yes.")
    messages.send(ticket_id=fresh.pk, author=agent, draft=draft, idempotency_key="", now=now)
    assert text_of(desk.get("/tickets")).count('class="ticket waiting"') == 0


def test_the_list_costs_the_same_however_long_it_is(desk, django_assert_max_num_queries):
    for _ in range(25):
        TicketFactory.create(assignee=UserFactory.create())
    with django_assert_max_num_queries(5):  # session, user, tickets, people, and one to spare
        assert len(numbers_in(desk.get("/tickets"))) == 25


def test_markup_in_what_people_write_stays_text(desk, ticket, agent):
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    Ticket.objects.filter(pk=ticket.pk).update(
        subject=attack, tags=["<b>tag</b>"], last_message_preview=attack
    )
    ticket.contact.name = attack
    ticket.contact.save()
    MessageFactory.create(ticket=ticket, body=attack, author=agent, error=attack, status="failed")
    for address in ("/tickets", f"/tickets/{ticket.pk}", f"/tickets/{ticket.pk}/messages"):
        html = text_of(desk.get(address))
        assert "&lt;script&gt;" in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<b>tag" not in html


def test_pages_hold_no_inline_script_style_or_handler(desk, ticket):
    MessageFactory.create(ticket=ticket)
    for address in ("/login", "/tickets", f"/tickets/{ticket.pk}", "/nowhere"):
        answer = desk.get(address, follow=True)
        html = text_of(answer)
        assert "script-src 'self';" in answer["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)


def test_the_socket_starts_where_the_page_ends(desk, agent, ticket):
    for body in ("one", "two"):
        messages.send(
            ticket_id=ticket.pk, author=agent, draft=messages.Draft(body=body),
            idempotency_key="", now=timezone.now(),
        )  # fmt: skip
    head = Event.objects.filter(ticket=ticket).count()
    assert f'data-after="{head}"' in text_of(desk.get(f"/tickets/{ticket.pk}"))


def test_a_long_conversation_comes_in_pieces_that_join(desk, ticket):
    for number in range(120):
        MessageFactory.create(ticket=ticket, body=f"line {number:03}.")
    html = text_of(desk.get(f"/tickets/{ticket.pk}"))
    seen: list[str] = []
    while True:
        seen = re.findall(r"line (\d{3})\.", html) + seen
        earlier = re.search(r'hx-get="(/tickets/\d+/messages\?before=\d+)"', html)
        if not earlier:
            break
        html = text_of(desk.get(earlier[1]))
    assert [int(number) for number in seen] == list(range(120))


@pytest.mark.parametrize("before", ["0", "1", "-5", "x", "²", "9" * 12, "9" * 5000])
def test_a_position_that_cannot_be_is_refused(desk, ticket, before):
    answer = desk.get(f"/tickets/{ticket.pk}/messages", {"before": before})
    assert answer.status_code == 400


@pytest.mark.parametrize("nobody", [999999999, 10**30])
@pytest.mark.parametrize("part", ["", "/header", "/messages"])
def test_a_ticket_that_is_not_there_is_a_page_that_says_so(desk, nobody, part):
    answer = desk.get(f"/tickets/{nobody}{part}")
    assert answer.status_code == 404
    assert "There is no ticket" in text_of(answer)


def test_a_move_shows_the_new_status_and_its_moves(desk, ticket):
    answer = desk.post(f"/tickets/{ticket.pk}/move", {"status": "resolved"}, headers=HTMX)
    assert 'data-status="resolved"' in text_of(answer)
    assert re.findall(r'id="move-(\w+)"', text_of(answer)) == ["open", "closed"]
    ticket.refresh_from_db()
    assert ticket.status == "resolved"


def test_a_move_without_scripts_returns_to_the_ticket(desk, ticket):
    answer = desk.post(f"/tickets/{ticket.pk}/move", {"status": "pending"})
    assert (answer.status_code, answer["Location"]) == (302, f"/tickets/{ticket.pk}")


def test_a_forbidden_move_shows_how_the_ticket_stands(desk):
    closed = TicketFactory.create(status="closed")
    answer = desk.post(f"/tickets/{closed.pk}/move", {"status": "open"}, headers=HTMX)
    assert answer.status_code == 409
    assert "cannot become open" in answer["HX-Trigger"]
    assert 'data-status="closed"' in text_of(answer)
    plain = desk.post(f"/tickets/{closed.pk}/move", {"status": "open"})
    assert plain.status_code == 409
    assert "<html" in text_of(plain)


def test_the_slower_of_two_changes_is_told_and_loses_nothing(desk, ticket):
    seen = {"version": ticket.version}
    first = desk.post(f"/tickets/{ticket.pk}/change", {**seen, "priority": "high"})
    assert first.status_code == 302
    slow = {**seen, "priority": "low"}
    answer = desk.post(f"/tickets/{ticket.pk}/change", slow, headers=HTMX)
    assert answer.status_code == 412
    assert "changed since you read it" in answer["HX-Trigger"]
    ticket.refresh_from_db()
    assert ticket.priority == "high"


def test_assigning_and_unassigning(desk, agent, ticket):
    version = {"version": ticket.version}
    desk.post(f"/tickets/{ticket.pk}/change", {**version, "assignee": agent.pk})
    ticket.refresh_from_db()
    assert ticket.assignee == agent
    version = {"version": ticket.version}
    desk.post(f"/tickets/{ticket.pk}/change", {**version, "assignee": "none"})
    ticket.refresh_from_db()
    assert ticket.assignee is None


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("move", {"status": "nonsense"}),
        ("move", {}),
        ("change", {"priority": "high"}),
        ("change", {"version": "1", "priority": "nonsense"}),
        ("change", {"version": "1", "assignee": "999999999"}),
    ],
)
def test_a_value_not_on_offer_changes_nothing(desk, ticket, action, form):
    answer = desk.post(f"/tickets/{ticket.pk}/{action}", form, headers=HTMX)
    assert answer.status_code == 400
    assert not Event.objects.filter(ticket=ticket).exists()


def test_a_viewer_sees_no_control_and_may_use_none(reader, ticket):
    html = text_of(reader.get(f"/tickets/{ticket.pk}"))
    assert 'id="composer"' not in html
    assert "<select" not in html
    assert 'id="move-' not in html
    for action, form in (("move", {"status": "closed"}), ("change", {"version": 1})):
        answer = reader.post(f"/tickets/{ticket.pk}/{action}", form)
        assert answer.status_code == 403
        assert "Your role may not do this." in text_of(answer)
    ticket.refresh_from_db()
    assert ticket.status == "open"


def test_changes_want_a_csrf_token(agent, ticket):
    desk = Client(enforce_csrf_checks=True)
    desk.force_login(agent)
    for action in ("move", "change"):
        answer = desk.post(f"/tickets/{ticket.pk}/{action}", {"status": "closed"})
        assert answer.status_code == 403
        assert "too old" in text_of(answer)


def test_htmx_is_sent_to_the_login_when_the_session_has_ended(client, ticket):
    answer = client.get(f"/tickets/{ticket.pk}/header", headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/login")


def test_only_staff_see_the_admin_in_the_bar(desk, admin):
    assert 'href="/admin/"' not in text_of(desk.get("/tickets"))
    staff = Client()
    staff.force_login(admin)
    assert 'href="/admin/"' in text_of(staff.get("/tickets"))


def test_who_may_not_answer_is_not_offered_as_assignee(owner, agent, viewer):
    gone = UserFactory.create(is_active=False)
    offered = {person["id"] for person in users.list_assignable()}
    assert {owner.pk, agent.pk} <= offered
    assert not {viewer.pk, gone.pk} & offered
