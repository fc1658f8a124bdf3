"""From an event to its deliveries and onto the queue: in one transaction, and swept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from helpdesk.models import WebhookDelivery, WebhookEndpoint
from helpdesk.selectors.jobs import count_stalled
from helpdesk.services import journal, recovery, webhook_delivery
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import TicketFactory
from helpdesk.tests.outgoing import API, OUT, attempt, happen, pending
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db


def test_only_subscribers_are_told(receiver, endpoint, admin):
    manager = bearer(admin)
    other = manager.post(API, {"url": receiver.url, "events": ["message.created"]}).json()
    gone = manager.post(API, {"url": receiver.url}).json()
    WebhookEndpoint.objects.filter(pk=gone["id"]).update(is_active=False)

    happen(TicketFactory.create(), "ticket.updated", n=1)
    happen(TicketFactory.create(), "message.created", n=2)
    journal.record_apart(type="campaign.updated", data={"n": 3}, now=timezone.now())

    told = WebhookDelivery.objects.order_by("id").values_list("endpoint_id", "payload__data__n")
    assert sorted(told) == sorted(
        [(endpoint.pk, 1), (endpoint.pk, 2), (other["id"], 2), (endpoint.pk, 3)]
    )


def test_an_event_that_is_rolled_back_tells_nobody(endpoint):
    ticket = TicketFactory.create()
    with transaction.atomic():
        journal.record(ticket=ticket, type="ticket.updated", data={}, now=timezone.now())
        assert WebhookDelivery.objects.count() == 1
        transaction.set_rollback(True)

    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("endpoints", [0, 3])
def test_telling_costs_no_query_of_its_own(admin, endpoints, django_assert_num_queries):
    for _ in range(endpoints):
        bearer(admin).post(API, {"url": "http://127.0.0.1:9/"})
    ticket = TicketFactory.create()

    with django_assert_num_queries(1):
        journal.record(ticket=ticket, type="ticket.updated", data={}, now=timezone.now())

    assert WebhookDelivery.objects.count() == endpoints


@pytest.mark.django_db(transaction=True)
def test_a_delivery_is_rung_after_commit_with_the_moment_of_its_event(endpoint, broker):
    happen(TicketFactory.create())

    (job,) = broker.jobs("webhooks")
    delivery = WebhookDelivery.objects.get()
    assert job["kwargs"] == {"delivery_id": delivery.pk}
    assert job["headers"]["due_at"] == delivery.created_at.timestamp()
    assert delivery.trace_id == broker.trace_id


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_goes_while_events_come_breaks_no_event(receiver, admin):
    manager = bearer(admin)
    for _ in range(5):
        made = manager.post(API, {"url": receiver.url}).json()
        tickets = [TicketFactory.create() for _ in range(4)]

        def act(number, made=made, tickets=tickets):
            if number == 4:
                return bearer(admin).delete(f"{API}/{made['id']}").status_code
            for _ in range(3):
                happen(tickets[number])
            return 0

        assert together(5, act) == [0, 0, 0, 0, 204]
    assert not WebhookDelivery.objects.exists()


def test_a_delivery_to_nobody_is_refused_by_the_database():
    with transaction.atomic():
        pending(WebhookEndpoint(pk=123456))
        with pytest.raises(IntegrityError):
            connection.check_constraints()
        transaction.set_rollback(True)


def test_a_due_delivery_that_nobody_was_told_of_is_rung(endpoint, broker):
    delivery = pending(endpoint)
    pending(endpoint, status="delivered")
    pending(endpoint, next_attempt_at=timezone.now() + timedelta(minutes=1))

    assert recovery.sweep(now=timezone.now()) == 1

    assert [job["kwargs"] for job in broker.jobs("webhooks")] == [{"delivery_id": delivery.pk}]


def test_a_due_delivery_that_nobody_starts_is_a_stalled_job(endpoint):
    delivery = pending(endpoint, next_attempt_at=timezone.now() - timedelta(seconds=31))

    assert count_stalled(now=timezone.now())["webhooks"] == 1
    attempt(delivery)
    assert count_stalled(now=timezone.now())["webhooks"] == 0


@pytest.mark.django_db(transaction=True)
def test_one_of_several_workers_makes_the_call(receiver, endpoint):
    delivery = pending(endpoint)
    now = timezone.now()

    done = together(
        4, lambda _n: webhook_delivery.deliver(delivery_id=delivery.pk, egress=OUT, now=now)
    )

    assert sorted(done) == [False, False, False, True]
    assert len(receiver.got) == 1


def test_old_ended_deliveries_are_forgotten(endpoint):
    now = timezone.now()
    month_ago = now - timedelta(days=31)
    pending(endpoint, status="delivered", created_at=month_ago)
    kept = {
        pending(endpoint, status="pending", created_at=month_ago).pk,
        pending(endpoint, status="failed", created_at=now - timedelta(days=29)).pk,
    }

    recovery.forget_expired(now=now)

    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == kept
