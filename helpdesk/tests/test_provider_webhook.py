"""The provider's door: its signature is its only credential, and a repeat has no effect."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.models import ProviderEvent
from helpdesk.tests import webhooks
from helpdesk.tests.factories import MessageFactory
from helpdesk.tests.threads import together

pytestmark = pytest.mark.django_db
BODY = json.dumps(webhooks.event("message.status", id="pm_1", reference="x", status="sent"))


def assert_refused(answer):
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_signature"
    assert not ProviderEvent.objects.exists()


def test_an_event_signed_by_the_standard_library_is_stored_and_acknowledged():
    answer = webhooks.post(json.loads(BODY), webhook_id="evt_1")

    assert answer.status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.webhook_id, event.type, event.attempts) == ("evt_1", "message.status", 0)
    assert event.payload == json.loads(BODY)
    assert event.processed_at is None


def test_our_signature_is_the_one_of_the_spec():
    """Compute `v1` by hand: base64 of HMAC-SHA256 over id.timestamp.body with the decoded key."""
    from helpdesk.provider.signing import sign  # noqa: PLC0415

    key = b"another-secret-of-thirty-two-bytes"
    wanted = base64.b64encode(hmac.new(key, b"msg_1.1700000000.{}", hashlib.sha256).digest())

    made = sign(
        secret="whsec_" + base64.b64encode(key).decode(),
        webhook_id="msg_1", timestamp=1_700_000_000, body=b"{}",
    )  # fmt: skip

    assert made == f"v1,{wanted.decode()}"


def test_an_altered_body_is_refused():
    headers = webhooks.signed(BODY.encode())

    assert_refused(webhooks.post_raw(BODY.replace("sent", "read").encode(), headers))


def test_the_bytes_are_signed_and_not_the_json():
    headers = webhooks.signed(BODY.encode())

    assert_refused(webhooks.post_raw(BODY.replace(", ", ",").encode(), headers))


def test_another_id_with_the_same_signature_is_refused():
    headers = {**webhooks.signed(BODY.encode()), "HTTP_WEBHOOK_ID": "evt_other"}

    assert_refused(webhooks.post_raw(BODY.encode(), headers))


def test_a_wrong_secret_is_refused():
    assert_refused(webhooks.post(json.loads(BODY), secret=webhooks.OTHER_SECRET))


@pytest.mark.parametrize("seconds", [-3600, -302, 302, 3600])
def test_a_timestamp_far_from_now_is_refused_although_it_is_signed(seconds):
    at = datetime.now(UTC) + timedelta(seconds=seconds)

    assert_refused(webhooks.post(json.loads(BODY), at=at))


@pytest.mark.parametrize("seconds", [-295, 295])
def test_a_timestamp_within_five_minutes_is_accepted(seconds):
    at = datetime.now(UTC) + timedelta(seconds=seconds)

    assert webhooks.post(json.loads(BODY), at=at).status_code == 200


@pytest.mark.parametrize(
    "name", ["HTTP_WEBHOOK_ID", "HTTP_WEBHOOK_TIMESTAMP", "HTTP_WEBHOOK_SIGNATURE"]
)
def test_each_header_is_needed(name):
    headers = webhooks.signed(BODY.encode())
    del headers[name]

    assert_refused(webhooks.post_raw(BODY.encode(), headers))


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", "²", "9" * 30])
def test_a_timestamp_that_is_no_time_is_refused(value):
    headers = {**webhooks.signed(BODY.encode()), "HTTP_WEBHOOK_TIMESTAMP": value}

    assert_refused(webhooks.post_raw(BODY.encode(), headers))


@pytest.mark.parametrize("value", ["v1", "v1,", "v1,AAAA", "v2,{0}", "{0},v1", "é"])
def test_a_malformed_signature_is_refused(value):
    headers = webhooks.signed(BODY.encode())
    right = headers["HTTP_WEBHOOK_SIGNATURE"].removeprefix("v1,")
    headers["HTTP_WEBHOOK_SIGNATURE"] = value.format(right)

    assert_refused(webhooks.post_raw(BODY.encode(), headers))


def test_one_right_signature_among_several_is_enough():
    headers = webhooks.signed(BODY.encode())
    headers["HTTP_WEBHOOK_SIGNATURE"] = f"v1,AAAA {headers['HTTP_WEBHOOK_SIGNATURE']} v1a,x"

    assert webhooks.post_raw(BODY.encode(), headers).status_code == 200


def test_old_and_new_secret_are_accepted_while_rotating_and_the_old_no_longer_after(settings):
    old = settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"][0]
    with webhooks.secrets(webhooks.OTHER_SECRET, old):
        assert webhooks.post(json.loads(BODY), secret=old).status_code == 200
        new = webhooks.post(json.loads(BODY), secret=webhooks.OTHER_SECRET)
        assert new.status_code == 200
    with webhooks.secrets(webhooks.OTHER_SECRET):
        assert webhooks.post(json.loads(BODY), secret=old).status_code == 401

    assert ProviderEvent.objects.count() == 2


def test_a_repeat_is_acknowledged_and_changes_nothing():
    answers = [webhooks.post(json.loads(BODY), webhook_id="evt_1") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 200]
    assert ProviderEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_parallel_repeats_make_one_row():
    answers = together(8, lambda _: webhooks.post(json.loads(BODY), webhook_id="evt_1"))

    assert [a.status_code for a in answers] == [200] * 8
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("body", [b"not json", b"[]", b'"x"', b"7", b"null", b"\xff"])
def test_a_signed_body_that_is_no_object_is_400(body):
    headers = {
        **webhooks.signed(b"x"),
        "HTTP_WEBHOOK_SIGNATURE": "",
    }
    from django.conf import settings  # noqa: PLC0415

    from helpdesk.provider.signing import sign  # noqa: PLC0415

    headers["HTTP_WEBHOOK_SIGNATURE"] = sign(
        secret=settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"][0],
        webhook_id=headers["HTTP_WEBHOOK_ID"],
        timestamp=int(headers["HTTP_WEBHOOK_TIMESTAMP"]),
        body=body,
    )

    answer = webhooks.post_raw(body, headers)

    assert answer.status_code == 400
    assert not ProviderEvent.objects.exists()


def test_an_over_long_id_is_400():
    assert webhooks.post(json.loads(BODY), webhook_id="e" * 101).status_code == 400


def test_a_body_over_a_mebibyte_is_413_and_not_stored():
    body = json.dumps({"type": "x", "data": "a" * (1024 * 1024)}).encode()

    answer = webhooks.post_raw(body, webhooks.signed(body))

    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    assert not ProviderEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_event_is_on_its_queue_after_the_commit(broker):
    message = MessageFactory.create()
    body = json.dumps(
        webhooks.event("message.status", id="pm_1", reference=str(message.key), status="sent")
    ).encode()
    traced = {"HTTP_TRACEPARENT": f"00-{broker.trace_id}-b7ad6b7169203331-01"}

    webhooks.post_raw(body, {**webhooks.signed(body), **traced})

    (job,) = broker.jobs("webhooks")
    assert job["headers"]["task"] == "helpdesk.receive_provider_event"
    assert job["kwargs"] == {"event_id": ProviderEvent.objects.get().pk}
    assert ProviderEvent.objects.get().trace_id == broker.trace_id
