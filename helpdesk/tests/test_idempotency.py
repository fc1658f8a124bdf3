"""`Idempotency-Key`: one message a key, however often and however many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import IdempotencyKey, Message
from helpdesk.services import recovery
from helpdesk.tests.conftest import bearer
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db


def post(api, ticket, key, body="Hello", **more):
    return api.post(
        f"/api/v1/tickets/{ticket.pk}/messages",
        {"body": body, **more},
        HTTP_IDEMPOTENCY_KEY=key,
    )


def test_the_same_post_again_is_replayed_and_not_repeated(api, ticket):
    first, again = post(api, ticket, "k"), post(api, ticket, "k")

    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replay" not in first
    assert again["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    assert Message.objects.count() == 1


def test_the_replay_tells_what_was_first_answered_even_after_delivery(api, ticket):
    first = post(api, ticket, "k").json()
    Message.objects.update(status="read")

    assert post(api, ticket, "k").json() == first


@pytest.mark.parametrize("change", [{"body": "Goodbye"}, {"kind": "note"}])
def test_another_message_with_the_same_key_is_refused(api, ticket, change):
    post(api, ticket, "k")

    answer = post(api, ticket, "k", **change)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Message.objects.count() == 1


def test_keys_belong_to_their_user_and_ticket(api, ticket):
    post(api, ticket, "k")

    assert post(bearer(UserFactory.create()), ticket, "k").status_code == 201
    assert post(api, TicketFactory.create(), "k").status_code == 201
    assert Message.objects.count() == 3


def test_without_a_key_every_post_is_a_message(api, ticket):
    post(api, ticket, "")
    post(api, ticket, "")

    assert Message.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


def test_a_refusal_does_not_use_the_key_up(api):
    ticket = TicketFactory.create(status="closed")
    assert post(api, ticket, "k").status_code == 409
    ticket.status = "open"
    ticket.save()

    assert post(api, ticket, "k").status_code == 201


def test_a_key_may_have_255_characters_and_no_more(api, ticket):
    assert post(api, ticket, "k" * 255).status_code == 201

    answer = post(api, ticket, "k" * 256)

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["errors"]


def test_keys_are_forgotten_after_two_days_and_not_before(api, ticket):
    post(api, ticket, "k")
    now = timezone.now()

    recovery.forget_expired(now=now + timedelta(hours=47))
    assert IdempotencyKey.objects.count() == 1
    recovery.forget_expired(now=now + timedelta(hours=49))
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_ten_rounds_of_eight_parallel_posts_make_ten_messages():
    ticket, agent = TicketFactory.create(), UserFactory.create()

    for number in range(10):
        answers = together(8, lambda _: post(bearer(agent), ticket, f"round-{number}"))  # noqa: B023 - used within the round

        assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
        assert len({str(a.json()) for a in answers if a.status_code == 200}) == 1
        assert len({a.json()["id"] for a in answers}) == 1
        assert Message.objects.count() == number + 1
