"""The guarantee: what is due is rung again; what nobody runs is counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from helpdesk import dispatch, tasks, trace
from helpdesk.models import Canary, Message, ProviderEvent
from helpdesk.selectors.jobs import count_stalled
from helpdesk.services import recovery
from helpdesk.tests import webhooks
from helpdesk.tests.factories import LONG_AGO, MessageFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db
QUEUES = ("messages", "campaigns", "webhooks", "maintenance")


def ids(jobs):
    return [job["kwargs"]["message_id"] for job in jobs]


def test_a_due_message_that_nobody_was_told_of_is_rung(broker):
    message = MessageFactory.create()
    now = timezone.now()

    assert recovery.sweep(now=now) == 1

    (job,) = broker.jobs("messages")
    assert job["kwargs"] == {"message_id": message.pk}
    assert job["headers"]["due_at"] == LONG_AGO.timestamp()
    message.refresh_from_db()
    assert message.rung_at == now


def test_a_provider_event_that_nobody_was_told_of_is_rung(broker):
    webhooks.post({"type": "x"})
    ProviderEvent.objects.update(rung_at=None)

    recovery.sweep(now=timezone.now())

    (job,) = broker.jobs("webhooks")
    assert job["kwargs"] == {"event_id": ProviderEvent.objects.get().pk}


def test_what_was_rung_lately_is_left_alone_for_fifteen_seconds(broker):
    now = timezone.now()
    MessageFactory.create(rung_at=now)

    assert recovery.sweep(now=now + timedelta(seconds=14)) == 0
    assert recovery.sweep(now=now + timedelta(seconds=16)) == 1
    assert len(broker.jobs("messages")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"next_attempt_at": LONG_AGO + timedelta(days=9999)},
        {"status": "sent", "next_attempt_at": None},
        {"status": "failed"},
        {"status": "delivered"},
    ],
)
def test_what_is_not_due_is_not_rung(broker, fields):
    MessageFactory.create(**fields)

    assert recovery.sweep(now=timezone.now()) == 0
    assert broker.jobs("messages") == []


def test_a_message_whose_worker_died_is_rung_when_its_lease_ends(broker):
    now = timezone.now()
    message = MessageFactory.create(
        status="sending", lease_until=now, next_attempt_at=now, rung_at=now - timedelta(seconds=30)
    )

    recovery.sweep(now=now)

    assert ids(broker.jobs("messages")) == [message.pk]


def test_the_oldest_due_are_rung_first(broker):
    young, old = (
        MessageFactory.create(next_attempt_at=LONG_AGO + timedelta(seconds=s)) for s in (9, 1)
    )

    recovery.sweep(now=timezone.now())

    assert ids(broker.jobs("messages")) == [old.pk, young.pk]


def test_a_deaf_broker_leaves_everything_to_the_next_sweep(broker):
    rows = [MessageFactory.create() for _ in range(3)]
    dispatch._hush.begin()

    assert recovery.sweep(now=timezone.now()) == 0
    assert not Message.objects.filter(rung_at__isnull=False).exists()

    dispatch._hush.until = 0
    assert recovery.sweep(now=timezone.now()) == 3
    assert sorted(ids(broker.jobs("messages"))) == sorted(row.pk for row in rows)


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_ring_a_row_once(broker):
    rows = [MessageFactory.create() for _ in range(20)]
    now = timezone.now()

    def sweep(_number):
        with trace.continued(broker.trace_id):
            return recovery.sweep(now=now)

    assert sum(together(4, sweep)) == 20
    assert sorted(ids(broker.jobs("messages"))) == sorted(row.pk for row in rows)


@pytest.mark.django_db(transaction=True)
def test_a_sweeper_steps_over_rows_that_another_one_holds(broker):
    held, free = MessageFactory.create(), MessageFactory.create()
    is_held, may_end = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            list(Message.objects.select_for_update(no_key=True).filter(pk=held.pk))
            is_held.set()
            may_end.wait(timeout=10)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(timeout=10)
    began = time.monotonic()

    rung = recovery.sweep(now=timezone.now())

    seconds = time.monotonic() - began
    may_end.set()
    holder.join(timeout=10)
    assert (rung, ids(broker.jobs("messages"))) == (1, [free.pk])
    assert seconds < 2


def test_a_new_start_forgets_canaries_that_nobody_could_run():
    Canary.objects.create(queue="messages", due_at=LONG_AGO, started_at=None)
    now = timezone.now()

    recovery.start_canaries(now=now)

    assert set(Canary.objects.values_list("queue", flat=True)) == set(QUEUES)
    assert count_stalled(now=now + timedelta(hours=1)) == dict.fromkeys(QUEUES, 0)


def test_each_queue_gets_a_canary_that_lands_by_its_job(broker):
    started = timezone.now()
    recovery.start_canaries(now=started)
    due = started + timedelta(seconds=10)

    recovery.send_canaries(now=due)

    for queue in QUEUES:
        (job,) = broker.jobs(queue)
        assert job["kwargs"] == {"canary": queue}
        assert job["headers"]["due_at"] == due.timestamp()
    assert count_stalled(now=due + timedelta(seconds=31)) == dict.fromkeys(QUEUES, 1)
    tasks.canary(canary="messages", of_the_future=1)
    recovery.land_canary(queue="messages", now=due + timedelta(seconds=1))
    assert count_stalled(now=due + timedelta(seconds=31))["messages"] == 0


def test_a_canary_that_has_not_landed_stays_due_since_then():
    started = timezone.now()
    recovery.start_canaries(now=started)
    due = started + timedelta(seconds=10)
    recovery.send_canaries(now=due)

    recovery.send_canaries(now=due + timedelta(seconds=10))

    assert set(Canary.objects.values_list("due_at", flat=True)) == {due}
    recovery.land_canary(queue="webhooks", now=due + timedelta(seconds=11))
    recovery.send_canaries(now=due + timedelta(seconds=20))
    assert Canary.objects.get(queue="webhooks").due_at == due + timedelta(seconds=20)


def test_stalled_counts_what_is_long_due_and_nothing_else():
    now = timezone.now()
    for age, status in ((31, "queued"), (31, "sending"), (29, "queued"), (31, "sent")):
        MessageFactory.create(next_attempt_at=now - timedelta(seconds=age), status=status)
    webhooks.post({"type": "x"})
    ProviderEvent.objects.update(next_attempt_at=now - timedelta(seconds=31))

    assert count_stalled(now=now) == {
        "messages": 2, "webhooks": 1, "campaigns": 0, "maintenance": 0,
    }  # fmt: skip


def test_the_command_sweeps_once_and_tells_how_much(broker):
    MessageFactory.create()
    said = StringIO()

    call_command("requeue_stale", stdout=said)

    assert "1 jobs" in said.getvalue()
    assert len(broker.jobs("messages")) == 1


@pytest.mark.django_db(transaction=True)
def test_the_sweeping_process_rings_canaries_and_ends_at_sigterm():
    database = django_settings.DATABASES["default"]
    who = f"{database['USER']}:{database['PASSWORD']}"
    url = f"postgres://{who}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    message = MessageFactory.create()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "requeue_stale", "--every", "0.2"],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": _settings_module()},
    )
    try:
        assert _within(20, lambda: Canary.objects.count() == len(QUEUES))
        assert _within(5, lambda: Message.objects.get(pk=message.pk).rung_at is not None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


def _settings_module():
    return os.environ.get("DJANGO_SETTINGS_MODULE", django_settings.SETTINGS_MODULE)


def _within(seconds, holds):
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
        time.sleep(0.1)
    return False
