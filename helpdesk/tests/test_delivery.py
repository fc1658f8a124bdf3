"""Delivery: sent once, tried again with the same key, given up with a reason."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk import tasks
from helpdesk.models import DeadLetter, Event, Message
from helpdesk.provider.http import HttpProvider
from helpdesk.services import delivery
from helpdesk.tests.factories import ContactFactory, MessageFactory, TicketFactory
from helpdesk.tests.scripted_provider import accept, answer, cut_off, drip_body, drip_headers
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db
MAX_ATTEMPTS = 8


@pytest.fixture
def message(db):
    contact = ContactFactory.create(address="+5511999990000")
    return MessageFactory.create(ticket=TicketFactory.create(contact=contact), body="Olá")


def run_job(message):
    """Do what a worker does with the message's job, and read the row back."""
    tasks.deliver_message(message_id=message.pk, argument_of_the_future=1)
    message.refresh_from_db()


def make_due(message):
    Message.objects.filter(pk=message.pk).update(next_attempt_at=timezone.now())


def test_a_due_message_is_handed_over_and_sent(provider, message):
    provider.script.append(accept("pm_1"))

    run_job(message)

    assert (message.status, message.provider_id, message.attempts) == ("sent", "pm_1", 1)
    assert message.sent_at is not None
    assert (message.next_attempt_at, message.lease_until, message.error) == (None, None, "")
    (call,) = provider.calls
    assert call.key == str(message.key)
    assert call.authorization.startswith("Bearer ")
    assert call.body == {
        "channel": "whatsapp", "to": "+5511999990000", "body": "Olá", "reference": call.key,
    }  # fmt: skip


def test_being_sent_is_announced(provider, message):
    run_job(message)

    event = Event.objects.get(ticket=message.ticket)
    assert (event.type, event.seq, event.data["status"]) == ("message.updated", 1, "sent")


def test_a_second_job_for_a_sent_message_calls_nobody(provider, message):
    run_job(message)
    run_job(message)

    assert len(provider.calls) == 1


def test_the_message_carries_its_trace_to_the_provider(provider, message):
    Message.objects.update(trace_id="0af7651916cd43dd8448eb211c80319c")

    run_job(message)

    assert provider.calls[0].traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert Event.objects.get().trace_id == "0af7651916cd43dd8448eb211c80319c"


PASSING = [
    answer(500), answer(503, b"<html>"), answer(408), answer(409), answer(429),
    answer(202, b"not json"), answer(202, b"{}"), answer(202, b'{"id": 7}'), answer(202, b"[]"),
    answer(202, b'{"id": ""}'), answer(302, b"", location="/elsewhere"), cut_off,
    answer(202, b'{"id": "' + b"x" * 101 + b'"}'), answer(202, b'{"id": "a\\u0000b"}'),
    answer(202, b"x", content_encoding="gzip"),
]  # fmt: skip


@pytest.mark.parametrize("failure", PASSING)
def test_a_failure_that_may_pass_is_tried_again_later_with_the_same_key(provider, message, failure):
    provider.script.append(failure)
    before = timezone.now()

    run_job(message)

    assert (message.status, message.attempts, message.lease_until) == ("queued", 1, None)
    assert message.next_attempt_at > before
    assert message.next_attempt_at < before + timedelta(seconds=10)
    assert (message.rung_at, bool(message.error)) == (None, True)
    assert not DeadLetter.objects.exists()

    make_due(message)
    run_job(message)

    assert (message.status, message.attempts, message.error) == ("sent", 2, "")
    assert len(set(provider.keys)) == 1


def test_a_message_that_waits_is_not_tried_before_its_time(provider, message):
    provider.script.append(answer(500))
    run_job(message)
    Message.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=5))

    run_job(message)

    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("header", "at_least", "at_most"),
    [("7", 6, 8), ("0", 0, 2), ("86400", 299, 301), ("soon", 0, 2), ("-5", 0, 2)],
)
def test_retry_after_seconds_are_obeyed_and_capped(provider, message, header, at_least, at_most):
    provider.script.append(answer(429, retry_after=header))

    run_job(message)

    wait = (message.next_attempt_at - timezone.now()).total_seconds()
    assert at_least <= wait + 0.5
    assert wait <= at_most


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_that_cannot_pass_makes_a_dead_letter_at_once(provider, message, status):
    provider.script.append(answer(status))

    run_job(message)

    assert (message.status, message.next_attempt_at) == ("failed", None)
    assert message.failed_at is not None
    letter = DeadLetter.objects.get()
    assert (letter.message, letter.attempts, letter.redriven_at) == (message, 1, None)
    assert str(status) in letter.reason
    assert message.error == letter.reason
    assert Event.objects.get().data["status"] == "failed"


def test_the_last_attempt_makes_a_dead_letter(settings, provider, message):
    settings.HELPDESK["BREAKER_FAILURES"] = 100
    provider.script.extend([answer(500)] * MAX_ATTEMPTS)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        make_due(message)
        run_job(message)
        assert message.attempts == attempt

    assert message.status == "failed"
    assert DeadLetter.objects.get().attempts == MAX_ATTEMPTS
    assert len(provider.calls) == MAX_ATTEMPTS
    assert len(set(provider.keys)) == 1


def test_a_message_that_kills_its_worker_cannot_loop(provider, message):
    for _ in range(MAX_ATTEMPTS):
        assert delivery.claim(message_id=message.pk, now=timezone.now()) is not None
        Message.objects.update(lease_until=timezone.now())  # the worker died; its lease ended

    run_job(message)

    assert message.status == "failed"
    assert DeadLetter.objects.count() == 1
    assert provider.calls == []


def slow_client(provider):
    return HttpProvider(base_url=provider.url, token="t", deadline_seconds=0.6)


@pytest.mark.parametrize("drip", [drip_body, drip_headers])
def test_an_answer_that_drips_ends_at_the_deadline(provider, message, drip):
    provider.script.append(drip)
    began = timezone.now()

    sent = delivery.deliver(message_id=message.pk, provider=slow_client(provider), now=began)

    assert sent is False
    assert (timezone.now() - began).total_seconds() < 2
    message.refresh_from_db()
    assert message.status == "queued"


def test_a_silent_provider_ends_at_the_deadline(provider, message):
    provider.script.append(lambda _handler: time.sleep(3))
    began = timezone.now()

    delivery.deliver(message_id=message.pk, provider=slow_client(provider), now=began)

    assert (timezone.now() - began).total_seconds() < 2
    message.refresh_from_db()
    assert message.status == "queued"


def test_an_endless_answer_is_cut_and_tried_again(provider, message):
    provider.script.append(answer(202, b"a" * 100_000))

    run_job(message)

    assert message.status == "queued"
    assert "too long" in message.error


def test_a_provider_that_is_not_there_is_tried_again(settings, message):
    settings.HELPDESK["PROVIDER_BASE_URL"] = "http://127.0.0.1:9"

    run_job(message)

    assert message.status == "queued"
    assert message.error


def test_a_running_lease_keeps_others_away_and_an_expired_one_does_not(message):
    now = timezone.now()
    assert delivery.claim(message_id=message.pk, now=now) is not None

    assert delivery.claim(message_id=message.pk, now=now + timedelta(seconds=29)) is None
    taken = delivery.claim(message_id=message.pk, now=now + timedelta(seconds=31))

    assert taken is not None
    assert taken.attempts == 2


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_a_message_that_has_travelled_cannot_be_claimed(status):
    message = MessageFactory.create(status=status)

    assert delivery.claim(message_id=message.pk, now=timezone.now()) is None


def test_a_message_that_does_not_exist_is_nobodys(provider):
    tasks.deliver_message(message_id=999_999)

    assert provider.calls == []


@pytest.mark.django_db(transaction=True)
def test_eight_workers_with_one_job_make_one_call(provider):
    message = MessageFactory.create()

    client, now = slow_client(provider), timezone.now()

    sent = together(8, lambda _: delivery.deliver(message_id=message.pk, provider=client, now=now))

    assert sorted(sent) == [False] * 7 + [True]

    assert len(provider.calls) == 1
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("sent", 1)


@pytest.mark.parametrize("attempts", range(1, 20))
def test_backoff_grows_and_stays_within_its_bounds(attempts):
    waits = [delivery.backoff_seconds(attempts) for _ in range(200)]

    assert min(waits) >= 0.1
    assert max(waits) <= min(60.0, 2.0 ** (attempts - 1))
    assert len(set(waits)) > 1
