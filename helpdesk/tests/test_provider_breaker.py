"""The circuit breaker: opens on outages only, probes with one call, and loses no message."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from helpdesk import tasks
from helpdesk.models import DeadLetter, Message
from helpdesk.provider.breaker import Breaker, State
from helpdesk.provider.client import NotCalled, Outgoing, ProviderError
from helpdesk.provider.http import HttpProvider
from helpdesk.tests.factories import MessageFactory
from helpdesk.tests.scripted_provider import accept, answer, cut_off
from helpdesk.tests.threads import together

CALL = Outgoing(key=uuid.uuid4(), channel="email", to="a@b.test", body="Hello")


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(channel="web", failures_to_open=3, open_seconds=5, clock=clock)


@pytest.fixture
def client(provider):
    """Speak to the scripted provider; three outages open a circuit for 0.3 s."""
    return HttpProvider(
        base_url=provider.url, token="t", deadline_seconds=1, failures_to_open=3, open_seconds=0.3
    )


def use(breaker, error=None):
    with breaker.guard():
        if error is not None:
            raise error


def fail(breaker, times=1):
    for _ in range(times):
        with pytest.raises(ProviderError, match="down"):
            use(breaker, ProviderError("down"))


def shown(channel="web"):
    return REGISTRY.get_sample_value("helpdesk_provider_breaker_state", {"channel": channel})


def attempt(client):
    """Return how one call ended: sent, failed or not called."""
    try:
        client.send(CALL)
    except NotCalled:
        return "not called"
    except ProviderError:
        return "failed"
    return "sent"


def test_outages_in_a_row_open_it_and_nobody_is_called_then(breaker):
    fail(breaker, times=2)
    assert (breaker.state, shown()) == (State.CLOSED, 0)

    fail(breaker)

    assert (breaker.state, shown()) == (State.OPEN, 2)
    with pytest.raises(NotCalled) as refusal:
        use(breaker, AssertionError("this was a call"))
    assert refusal.value.permanent is False
    assert refusal.value.retry_after_seconds is not None
    assert 5 < refusal.value.retry_after_seconds <= 10


def test_one_success_forgets_the_outages_before_it(breaker):
    fail(breaker, times=2)
    use(breaker)
    fail(breaker, times=2)

    assert breaker.state == State.CLOSED


def test_refusals_never_open_it(breaker):
    for _ in range(10):
        with pytest.raises(ProviderError):
            use(breaker, ProviderError("no such number", permanent=True, is_outage=False))

    assert breaker.state == State.CLOSED


def test_an_error_that_nobody_anticipated_is_an_outage(breaker):
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            use(breaker, ZeroDivisionError())

    assert breaker.state == State.OPEN


def test_a_probe_that_succeeds_closes_it(breaker, clock):
    fail(breaker, times=3)
    clock.now += 5

    with breaker.guard():
        assert (breaker.state, shown()) == (State.HALF_OPEN, 1)
        with pytest.raises(NotCalled):
            use(breaker)

    assert (breaker.state, shown()) == (State.CLOSED, 0)
    fail(breaker, times=2)
    assert breaker.state == State.CLOSED


def test_a_probe_that_fails_opens_it_for_as_long_again(breaker, clock):
    fail(breaker, times=3)
    clock.now += 5
    fail(breaker)

    clock.now += 4.9
    with pytest.raises(NotCalled):
        use(breaker)
    clock.now += 0.1
    use(breaker)
    assert breaker.state == State.CLOSED


def test_a_provider_that_refuses_the_probe_is_back(breaker, clock):
    fail(breaker, times=3)
    clock.now += 5

    with pytest.raises(ProviderError):
        use(breaker, ProviderError("slow down", is_outage=False))

    assert breaker.state == State.CLOSED


def test_a_call_from_before_tells_nothing_about_now(breaker, clock):
    with breaker.guard():  # slow, and successful in the end
        fail(breaker, times=3)
    assert breaker.state == State.OPEN

    clock.now += 5
    with breaker.guard():
        pass
    slow = breaker.guard()
    slow.__enter__()
    fail(breaker, times=3)
    clock.now += 5
    use(breaker)
    slow.__exit__(ProviderError, ProviderError("late"), None)
    fail(breaker, times=2)
    assert breaker.state == State.CLOSED


def test_calls_of_eight_threads_run_at_the_same_time(breaker):
    inside = threading.Barrier(8, timeout=5)

    def call(_):
        with breaker.guard():
            return inside.wait()  # broken if the lock were held during a call

    assert sorted(together(8, call)) == list(range(8))


@pytest.mark.parametrize("outage", [answer(500), answer(503), answer(202, b"not json"), cut_off])
def test_the_client_opens_on_every_kind_of_outage(provider, client, outage):
    provider.script.extend([outage] * 3)

    ended = [attempt(client) for _ in range(6)]

    assert ended == ["failed"] * 3 + ["not called"] * 3
    assert len(provider.calls) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 408, 409, 422, 429])
def test_the_client_stays_closed_whatever_4xx_it_is_told(provider, client, status):
    provider.script.extend([answer(status)] * 8)

    assert [attempt(client) for _ in range(9)] == ["failed"] * 8 + ["sent"]


def test_each_channel_has_a_circuit_of_its_own(provider, client):
    provider.script.extend([answer(500)] * 3)
    for _ in range(3):
        attempt(client)

    assert attempt(client) == "not called"
    other = Outgoing(key=CALL.key, channel="telegram", to="@a", body="Hello")
    assert client.send(other)
    assert (shown("email"), shown("telegram")) == (2, 0)


def test_of_eight_threads_one_probes(provider, client):
    provider.script.extend([answer(500)] * 3)
    for _ in range(3):
        attempt(client)
    client._breakers["email"]._probes_at = 0.0  # its time has come
    held = threading.Event()
    provider.script.append(lambda handler: (held.wait(1), accept("pm_probe")(handler)))
    refused = []

    def probe_or_wait(_):
        ended = attempt(client)
        if ended == "not called":
            refused.append(ended)
            if len(refused) == 7:
                held.set()  # all others were turned away while the probe was under way
        return ended

    ended = together(8, probe_or_wait)

    assert sorted(ended) == ["not called"] * 7 + ["sent"]
    assert len(provider.calls) == 4
    assert attempt(client) == "sent"


@pytest.mark.django_db
def test_no_message_is_lost_and_no_attempt_used_up_while_it_is_open(settings, provider):
    settings.HELPDESK |= {"BREAKER_FAILURES": 3, "BREAKER_OPEN_SECONDS": 0.2, "MAX_ATTEMPTS": 2}
    messages = MessageFactory.create_batch(6)
    provider.script.extend([answer(500)] * 3)
    for message in messages:
        tasks.deliver_message(message_id=message.pk)

    rows = Message.objects.order_by("id")
    assert [(row.status, row.attempts) for row in rows] == [("queued", 1)] * 3 + [("queued", 0)] * 3
    just_now = timezone.now() - timedelta(seconds=1)
    assert rows.filter(next_attempt_at__gt=just_now).count() == 6
    assert [row.rung_at for row in rows] == [None] * 6
    assert "in a moment" in rows[5].error

    deadline = timezone.now() + timedelta(seconds=10)
    while rows.exclude(status="sent").exists() and timezone.now() < deadline:
        for message in messages:
            tasks.deliver_message(message_id=message.pk)

    assert {row.status for row in rows.all()} == {"sent"}
    assert not DeadLetter.objects.exists()
    assert len(provider.calls) == 9
    assert set(provider.keys) == {str(message.key) for message in messages}


@pytest.mark.django_db
def test_a_long_outage_makes_dead_letters_of_its_probes_alone(settings, provider):
    settings.HELPDESK |= {"BREAKER_FAILURES": 1, "BREAKER_OPEN_SECONDS": 3600, "MAX_ATTEMPTS": 1}
    first, *others = MessageFactory.create_batch(4)
    provider.script.append(answer(500))
    tasks.deliver_message(message_id=first.pk)

    for _ in range(5):
        Message.objects.filter(status="queued").update(next_attempt_at=timezone.now())
        for message in others:
            tasks.deliver_message(message_id=message.pk)

    assert [letter.message for letter in DeadLetter.objects.all()] == [first]
    assert set(Message.objects.exclude(pk=first.pk).values_list("status", "attempts")) == {
        ("queued", 0)
    }
    assert len(provider.calls) == 1
