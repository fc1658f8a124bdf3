"""Ringing: after commit, within bounds, and never at the cost of the request."""

from __future__ import annotations

import socket
import time
import uuid
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from django.utils import timezone

from helpdesk import dispatch
from helpdesk.models import Message
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import TicketFactory, UserFactory

BOUND_SECONDS = 3.5


def enqueue():
    return dispatch.enqueue(dispatch.CANARY, due_at=timezone.now(), queue="messages", canary="x")


def forget_pools() -> None:
    """Do what a forked child does with its parent's connections."""
    celery: Any = current_app
    celery._after_fork()


@pytest.fixture(autouse=True)
def _fresh_broker():
    """Start each test with no connection, and no hush, that another module left behind."""
    forget_pools()
    dispatch._hush.until = 0.0


@pytest.fixture
def broker_at(monkeypatch):
    """Point Celery at another broker for the test, with connections of its own."""

    def point(url):
        for name in ("broker_url", "broker_write_url", "broker_read_url"):
            monkeypatch.setitem(current_app.conf, name, url)
        forget_pools()

    yield point
    monkeypatch.undo()
    forget_pools()


@pytest.fixture
def frozen_redis():
    """Listen as Redis would, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


REFUSED = "redis://127.0.0.1:9/0"


def timed(work):
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def test_a_job_is_taken_by_the_real_broker(broker):
    assert enqueue() is True
    (job,) = broker.jobs("messages")
    assert job["headers"]["task"] == "helpdesk.canary"


def test_a_refused_broker_costs_bounded_time_and_then_none(broker_at):
    broker_at(REFUSED)

    first, first_seconds = timed(enqueue)
    second, second_seconds = timed(enqueue)

    assert (first, second) == (False, False)
    assert first_seconds < BOUND_SECONDS
    assert second_seconds < 0.05


def test_a_frozen_broker_costs_bounded_time_and_then_none(broker_at, frozen_redis):
    broker_at(frozen_redis)

    first, first_seconds = timed(enqueue)
    second, second_seconds = timed(enqueue)

    assert (first, second) == (False, False)
    assert first_seconds < BOUND_SECONDS
    assert second_seconds < 0.05


def test_the_hush_ends_and_the_broker_is_heard_again(broker_at, broker, settings):
    broker_at(REFUSED)
    assert enqueue() is False
    broker_at(settings.CELERY_BROKER_URL)
    assert enqueue() is False

    dispatch._hush.until = time.monotonic() - 0.001

    assert enqueue() is True
    assert len(broker.jobs("messages")) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["refused", "frozen"])
def test_a_message_is_taken_although_the_broker_is_away(broker_at, frozen_redis, kind):
    client, ticket = bearer(UserFactory.create()), TicketFactory.create()
    broker_at(REFUSED if kind == "refused" else frozen_redis)
    url = f"/api/v1/tickets/{ticket.pk}/messages"

    answer, seconds = timed(lambda: client.post(url, {"body": "x"}))

    assert answer.status_code == 201
    assert seconds < BOUND_SECONDS + 0.5
    stored = Message.objects.get()
    assert (stored.status, stored.rung_at) == ("queued", None)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_rung_before_or_without_a_commit(broker):
    with transaction.atomic():
        dispatch.enqueue_on_commit(dispatch.CANARY, due_at=timezone.now(), canary="x")
        assert broker.jobs("maintenance") == []
    assert len(broker.jobs("maintenance")) == 1

    with transaction.atomic():
        dispatch.enqueue_on_commit(dispatch.CANARY, due_at=timezone.now(), canary="x")
        transaction.set_rollback(True)
    assert len(broker.jobs("maintenance")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_never_waits_for_a_frozen_channel_layer(settings, frozen_redis):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [frozen_redis]},
        }
    }
    client, ticket = bearer(UserFactory.create()), TicketFactory.create()

    answer, seconds = timed(
        lambda: client.patch(f"/api/v1/tickets/{ticket.pk}", {"subject": uuid.uuid4().hex})
    )

    assert answer.status_code == 200
    assert seconds < 1.5
