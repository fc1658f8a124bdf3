"""What gave up is shown with its reason, and driven again exactly once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk import tasks
from helpdesk.models import AuditEntry, DeadLetter, Event, Message
from helpdesk.services import dead_letters, delivery
from helpdesk.services.tickets import get_locked
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import LONG_AGO, MessageFactory, UserFactory
from helpdesk.tests.scripted_provider import answer
from helpdesk.tests.threads import together

LETTERS = "/api/v1/dead-letters"


def dead(*, at=LONG_AGO, attempts=8, reason="The provider answered 500.", **fields):
    """Let a message give up, as delivery does."""
    message = MessageFactory.create(status="sending", attempts=attempts, **fields)
    delivery.give_up(message=message, reason=reason, now=at)
    return DeadLetter.objects.get(message=message)


@pytest.fixture
def manager(admin):
    return bearer(admin)


def redrive(client, letter):
    return client.post(f"{LETTERS}/{letter.pk}/redrive")


def test_the_list_tells_what_gave_up_why_and_after_how_many_attempts(api):
    letter = dead(trace_id="0af7651916cd43dd8448eb211c80319c")
    message, ticket = letter.message, letter.message.ticket

    page = api.get(LETTERS).json()

    assert page == {
        "results": [
            {
                "id": letter.pk,
                "message": {"id": message.pk, "seq": 1, "status": "failed"},
                "ticket": {"id": ticket.pk, "number": ticket.number},
                "channel": "whatsapp",
                "contact": {"id": ticket.contact_id, "name": ticket.contact.name},
                "reason": "The provider answered 500.",
                "attempts": 8,
                "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "created_at": "2026-03-01T09:30:15.123456Z",
                "redriven_at": None,
            }
        ],
        "next": None,
    }


def test_the_list_pages_newest_first_and_breaks_ties(api):
    for hours in (0, 1, 1, 2, 3):
        dead(at=LONG_AGO + timedelta(hours=hours))
    seen, url = [], f"{LETTERS}?limit=2"
    while url:
        page = api.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    newest = DeadLetter.objects.order_by("-created_at", "-id")
    assert seen == list(newest.values_list("id", flat=True))


def test_the_list_costs_one_query_however_long(api, django_assert_num_queries):
    for _ in range(3):
        dead()
    with django_assert_num_queries(2):  # whose token it is, and the page
        api.get(LETTERS)


def test_what_was_redriven_leaves_the_list_and_is_found_by_its_state(api, manager):
    waiting, driven = dead(), dead()
    redrive(manager, driven)

    def ids(query):
        return [row["id"] for row in api.get(f"{LETTERS}{query}").json()["results"]]

    assert ids("") == ids("?state=waiting") == [waiting.pk]
    assert ids("?state=redriven") == [driven.pk]
    assert set(ids("?state=all")) == {waiting.pk, driven.pk}
    assert api.get(f"{LETTERS}?state=lost").status_code == 400


def test_a_foreign_cursor_is_refused(api):
    assert api.get(f"{LETTERS}?cursor=abc").json()["code"] == "bad_cursor"


@pytest.mark.django_db(transaction=True)
def test_a_redriven_message_is_sent_under_its_old_key(provider, broker):
    manager, letter = bearer(UserFactory.create(role="ADMIN")), dead()
    before = letter.message

    reply = manager.post(
        f"{LETTERS}/{letter.pk}/redrive",
        headers={"traceparent": f"00-{broker.trace_id}-{1:016x}-01"},
    )

    assert reply.status_code == 200
    assert reply.json()["message"]["status"] == "queued"
    assert reply.json()["redriven_at"] is not None
    after = Message.objects.get(pk=before.pk)
    assert (after.status, after.attempts, after.key) == ("queued", 0, before.key)
    assert (after.error, after.failed_at) == ("", None)
    assert Event.objects.latest("id").data["status"] == "queued"
    assert [job["kwargs"] for job in broker.jobs("messages")] == [{"message_id": after.pk}]

    tasks.deliver_message(message_id=after.pk)
    after.refresh_from_db()
    assert (after.status, after.attempts) == ("sent", 1)
    assert provider.keys == [str(before.key)]


def test_asked_twice_it_acts_once(manager):
    letter = dead()
    first, second = redrive(manager, letter), redrive(manager, letter)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert Event.objects.filter(data__status="queued").count() == 1
    assert AuditEntry.objects.filter(action="dead_letter.redrive").count() == 1


def test_asked_again_after_it_was_sent_it_sends_nothing(manager, provider):
    letter = dead()
    redrive(manager, letter)
    tasks.deliver_message(message_id=letter.message_id)
    redrive(manager, letter)
    tasks.deliver_message(message_id=letter.message_id)

    assert len(provider.calls) == 1
    assert Message.objects.get().status == "sent"


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_act_once():
    letter, admin = dead(), UserFactory.create(role="ADMIN")

    def ask(_):
        return dead_letters.redrive(dead_letter_id=letter.pk, actor=admin, now=timezone.now())

    assert sorted(together(8, ask)) == [False] * 7 + [True]
    assert AuditEntry.objects.count() == 1
    assert Event.objects.filter(data__status="queued").count() == 1


def test_what_gives_up_again_waits_again_and_may_be_redriven_again(manager, provider):
    letter = dead()
    for _ in range(2):
        provider.script.append(answer(422))
        redrive(manager, letter)
        tasks.deliver_message(message_id=letter.message_id)

        letter.refresh_from_db()
        assert (letter.redriven_at, letter.attempts) == (None, 1)
        assert "422" in letter.reason

    assert len(set(provider.keys)) == 1
    assert AuditEntry.objects.filter(action="dead_letter.redrive").count() == 2


def test_what_arrived_after_all_is_not_sent_again(manager, provider):
    letter = dead()
    Message.objects.filter(pk=letter.message_id).update(status="delivered")

    redrive(manager, letter)
    tasks.deliver_message(message_id=letter.message_id)

    assert Message.objects.get().status == "delivered"
    assert provider.calls == []


@pytest.mark.django_db(transaction=True)
def test_a_letter_that_goes_while_we_wait_for_its_ticket_is_not_found(monkeypatch):
    letter, admin = dead(), UserFactory.create(role="ADMIN")

    def lock_and_lose(*, ticket_id):
        DeadLetter.objects.all().delete()
        return get_locked(ticket_id=ticket_id)

    monkeypatch.setattr(dead_letters, "get_locked", lock_and_lose)

    assert redrive(bearer(admin), letter).status_code == 404


def test_a_redrive_is_audited_with_who_where_and_why(manager, admin):
    letter = dead()
    redrive(manager, letter)

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (admin, "dead_letter.redrive")
    assert (entry.target_type, entry.target_id) == ("deadletter", str(letter.pk))
    assert entry.before == {"reason": "The provider answered 500.", "attempts": 8}
    assert entry.ip == "127.0.0.1"


@pytest.mark.parametrize("letter_id", [0, 999_999, 10**25])
def test_there_is_nothing_to_drive_where_no_letter_is(manager, letter_id):
    assert manager.post(f"{LETTERS}/{letter_id}/redrive").status_code == 404
