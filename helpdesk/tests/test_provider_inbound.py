"""What the provider's events do: messages arrive once, in the right ticket; nonsense is closed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from prometheus_client import REGISTRY

from helpdesk import tasks
from helpdesk.models import Contact, Event, Message, ProviderEvent, Ticket
from helpdesk.services import provider_events
from helpdesk.tests import webhooks
from helpdesk.tests.factories import ContactFactory, MessageFactory, TicketFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db
ADDRESS = "+5511988887777"


def written(number=1, **change):
    data = {
        "channel": "whatsapp", "from": ADDRESS, "name": "Bia", "id": f"in_{number}",
        "body": f"Message {number}", **change,
    }  # fmt: skip
    return webhooks.event("message.received", **data)


def arrive(payload):
    """Bring `payload` through the front door and do its job; return the stored event."""
    answer = webhooks.post(payload)
    assert answer.status_code == 200, answer.content
    event = ProviderEvent.objects.latest("id")
    tasks.receive_provider_event(event_id=event.pk)
    event.refresh_from_db()
    return event


def test_a_first_message_opens_a_ticket_for_a_new_contact():
    event = arrive(written(body="Where is my parcel?\nPlease hurry."))

    assert (event.error, event.processed_at is not None) == ("", True)
    ticket = Ticket.objects.get()
    assert (ticket.subject, ticket.status, ticket.channel) == (
        "Where is my parcel?", "open", "whatsapp",
    )  # fmt: skip
    assert (ticket.contact.address, ticket.contact.name) == (ADDRESS, "Bia")
    message = Message.objects.get()
    assert (message.kind, message.status, message.seq) == ("inbound", "delivered", 1)
    assert message.body == "Where is my parcel?\nPlease hurry."
    types = Event.objects.order_by("seq").values_list("type", flat=True)
    assert list(types) == ["ticket.created", "message.created"]
    assert ticket.last_message_preview.startswith("Where is")


def test_the_second_message_goes_to_the_same_ticket():
    arrive(written(1))
    arrive(written(2))

    assert Ticket.objects.count() == 1
    assert list(Message.objects.order_by("seq").values_list("seq", "body")) == [
        (1, "Message 1"), (2, "Message 2"),
    ]  # fmt: skip


def test_the_same_address_on_another_channel_is_another_contact():
    arrive(written(1))
    arrive(written(2, channel="telegram"))

    assert (Contact.objects.count(), Ticket.objects.count()) == (2, 2)


@pytest.mark.parametrize("status", ["pending", "resolved"])
def test_a_customer_who_writes_again_reopens_the_ticket(status):
    contact = ContactFactory.create(address=ADDRESS)
    ticket = TicketFactory.create(contact=contact, status=status)

    arrive(written())

    ticket.refresh_from_db()
    assert (ticket.status, ticket.resolved_at, ticket.message_count) == ("open", None, 1)
    assert Ticket.objects.count() == 1
    announced = ticket.events.order_by("seq")
    assert list(announced.values_list("type", flat=True)) == ["message.created", "ticket.updated"]
    assert announced.latest("seq").data["status"] == "open"


def test_after_a_closed_ticket_a_new_one_follows_it():
    contact = ContactFactory.create(address=ADDRESS)
    closed = TicketFactory.create(contact=contact, status="closed")

    arrive(written())

    closed.refresh_from_db()
    assert (closed.status, closed.message_count) == ("closed", 0)
    opened = Ticket.objects.exclude(pk=closed.pk).get()
    assert (opened.follows, opened.status) == (closed, "open")


def test_an_older_open_ticket_is_preferred_to_opening_another():
    contact = ContactFactory.create(address=ADDRESS)
    still_open = TicketFactory.create(contact=contact)
    TicketFactory.create(contact=contact, status="closed", last_activity_at=timezone.now())

    arrive(written())

    assert Ticket.objects.count() == 2
    assert Message.objects.get().ticket == still_open


def test_one_message_reported_by_two_events_is_one_message():
    arrive(written(1))
    arrive(written(1))

    assert (Message.objects.count(), ProviderEvent.objects.count()) == (1, 2)


def test_a_long_provider_id_is_recognised_when_it_comes_again():
    for _ in range(2):
        event = arrive(written(1, id="x" * 150))
        assert event.error == ""

    assert Message.objects.count() == 1


def test_a_body_and_a_name_of_any_length_are_cut_and_kept():
    event = arrive(written(body="b" * 9000, name="n" * 500, **{"from": ADDRESS}))

    assert event.error == ""
    assert len(Message.objects.get().body) == Message.MAX_BODY_CHARS
    assert len(Contact.objects.get().name) == 120


def test_nul_characters_are_dropped_and_the_message_is_kept():
    event = arrive(written(body="a\x00b", name="B\x00ia", note={"deep\x00": ["\x00"]}))

    assert event.error == ""
    assert Message.objects.get().body == "ab"
    assert Contact.objects.get().name == "Bia"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "message.received"},
        {"type": "message.received", "data": []},
        written(channel="pigeon"),
        written(**{"from": ""}),
        written(id=None),
        webhooks.event("message.status"),
        webhooks.event("message.status", reference="not-a-uuid", status="sent"),
        webhooks.event("message.status", reference="x", status="eaten"),
        webhooks.event("message.status", reference="x", status=["sent"]),
        webhooks.event("weather.changed", rain=True),
        {"type": {"a": 1}, "data": {}},
    ],
)
def test_a_malformed_event_is_closed_with_its_reason(payload):
    event = arrive(payload)

    assert event.processed_at is not None
    assert event.error
    assert not Ticket.objects.exists()


def test_a_status_event_moves_its_message_and_names_when(broker):
    message = MessageFactory.create(status="sent")
    payload = webhooks.event("message.status", id="pm_1", reference=str(message.key),
                             status="delivered")  # fmt: skip
    payload["timestamp"] = "2026-03-01T10:00:00.5+00:00"

    arrive(payload)

    message.refresh_from_db()
    assert (message.status, message.provider_id) == ("delivered", "pm_1")
    assert message.delivered_at is not None
    assert message.delivered_at.isoformat() == "2026-03-01T10:00:00.500000+00:00"


@pytest.mark.parametrize("timestamp", [None, "yesterday", "2026-03-01T10:00:00", 7, "2026-99-01"])
def test_a_status_without_a_usable_time_counts_from_its_receipt(timestamp):
    message = MessageFactory.create(status="sent")
    payload = webhooks.event("message.status", reference=str(message.key), status="read")
    payload["timestamp"] = timestamp

    event = arrive(payload)

    message.refresh_from_db()
    assert message.read_at == event.received_at


def test_a_reported_failure_keeps_the_providers_reason():
    message = MessageFactory.create(status="sent")

    arrive(
        webhooks.event(
            "message.status", reference=str(message.key), status="failed", error="no such number"
        )
    )

    message.refresh_from_db()
    assert (message.status, message.error) == ("failed", "no such number")


def unknown():
    reference = "0f8fad5b-d9cb-469f-a165-70867728950e"
    return webhooks.event("message.status", reference=reference, status="sent")


def test_a_status_of_a_message_not_known_yet_waits_and_is_closed_in_the_end():
    event = arrive(unknown())
    assert (event.processed_at, event.attempts) == (None, 1)

    for _ in range(7):
        ProviderEvent.objects.update(next_attempt_at=timezone.now())
        tasks.receive_provider_event(event_id=event.pk)

    event.refresh_from_db()
    assert event.processed_at is not None
    assert "No message of ours" in event.error


def test_an_event_that_always_fails_cannot_loop():
    taken = MessageFactory.create(status="sent", provider_id="pm_taken")
    other = MessageFactory.create(status="sent")
    webhooks.post(
        webhooks.event("message.status", id="pm_taken", reference=str(other.key), status="read")
    )
    event = ProviderEvent.objects.get()
    for _ in range(12):
        ProviderEvent.objects.update(next_attempt_at=timezone.now())
        with suppress(IntegrityError):  # a worker's task fails and its queue goes on
            provider_events.receive(event_id=event.pk, now=timezone.now())

    event.refresh_from_db()
    taken.refresh_from_db()
    assert event.processed_at is not None
    assert event.error
    assert taken.status == "sent"


def test_a_processed_event_is_not_acted_on_again():
    event = arrive(written())

    tasks.receive_provider_event(event_id=event.pk)

    assert Message.objects.count() == 1
    event.refresh_from_db()
    assert event.attempts == 1


def test_a_claimed_event_is_left_to_its_worker_until_the_lease_ends():
    webhooks.post(written())
    event, now = ProviderEvent.objects.get(), timezone.now()
    assert provider_events._claim(event.pk, now) is not None

    assert provider_events.receive(event_id=event.pk, now=now + timedelta(seconds=29)) is False
    assert provider_events.receive(event_id=event.pk, now=now + timedelta(seconds=31)) is True


def test_the_way_from_receipt_to_effect_is_measured():
    name = "helpdesk_provider_event_seconds_count"
    before = REGISTRY.get_sample_value(name, {"outcome": "done"}) or 0

    arrive(written())

    assert REGISTRY.get_sample_value(name, {"outcome": "done"}) == before + 1


@pytest.mark.django_db(transaction=True)
def test_parallel_first_messages_of_a_customer_open_one_ticket():
    for number in range(8):
        webhooks.post(written(number))
    events = list(ProviderEvent.objects.values_list("pk", flat=True))

    together(8, lambda n: tasks.receive_provider_event(event_id=events[n]))

    assert (Contact.objects.count(), Ticket.objects.count()) == (1, 1)
    assert sorted(Message.objects.values_list("seq", flat=True)) == list(range(1, 9))
    assert not ProviderEvent.objects.filter(processed_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_parallel_messages_after_a_closed_ticket_open_one_follower():
    TicketFactory.create(contact=ContactFactory.create(address=ADDRESS), status="closed")
    for number in range(4):
        webhooks.post(written(number))
    events = list(ProviderEvent.objects.values_list("pk", flat=True))

    together(4, lambda n: tasks.receive_provider_event(event_id=events[n]))

    assert Ticket.objects.count() == 2
    assert Message.objects.count() == 4
