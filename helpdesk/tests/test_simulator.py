"""The pretend provider: a message once by key, and signed news of it until they are taken."""

from __future__ import annotations

import asyncio
import time

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from helpdesk.provider.simulator import app as simulator
from helpdesk.provider.simulator import callbacks
from helpdesk.tests.receiver import receiving
from helpdesk.tests.scripted_provider import answer

SECRET = "whsec_c3RlYWR5ZGVzay1kZXZlbG9wbWVudC1zZWNyZXQ="
MESSAGE = {"channel": "whatsapp", "to": "+5511900000000", "body": "Olá", "reference": "m1"}


@pytest.fixture
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture
async def provider(receiver):
    told = callbacks.Callbacks(
        url=receiver.url, secret=SECRET, delivered_after_seconds=0, read_after_seconds=0
    )
    transport = httpx.ASGITransport(simulator.build_app(token="t", callbacks=told))
    headers = {"authorization": "Bearer t", "idempotency-key": "k1"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://provider", headers=headers
    ) as client:
        yield client


async def events(receiver, count):
    """Wait until `count` callbacks have come; return them verified, in order."""
    deadline = time.monotonic() + 30
    while len(receiver.got) < count:
        assert time.monotonic() < deadline, receiver.got
        await asyncio.sleep(0.02)
    return [Webhook(SECRET).verify(got.body.decode(), got.headers) for got in receiver.got]


async def test_message_is_accepted_once_by_key_and_told_delivered_then_read(provider, receiver):
    first = await provider.post("/messages", json=MESSAGE)
    again = await provider.post("/messages", json=MESSAGE)

    assert (first.status_code, again.json()) == (202, first.json())
    assert (await provider.get("/messages")).json() == {"calls_by_key": {"k1": 2}}
    told = await events(receiver, 2)
    assert [event["data"]["status"] for event in told] == ["delivered", "read"]
    assert {event["data"]["reference"] for event in told} == {"m1"}
    assert {event["data"]["id"] for event in told} == {first.json()["id"]}


async def test_news_is_repeated_with_its_id_until_it_is_taken(provider, receiver):
    receiver.script.extend([answer(503), answer(500)])
    await provider.post("/messages", json=MESSAGE)
    await events(receiver, 4)
    first, second, third, other = receiver.ids
    assert first == second == third != other


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({}, {"authorization": "Bearer other"}, 401),
        ({}, {"idempotency-key": ""}, 422),
        ({"to": ""}, {}, 422),
    ],
)
async def test_what_is_no_message_is_refused(provider, changes, headers, status):
    refused = await provider.post("/messages", json={**MESSAGE, **changes}, headers=headers)
    assert refused.status_code == status
    assert (await provider.get("/messages")).json() == {"calls_by_key": {}}


@pytest.mark.parametrize("body", [b"no json", b"[]"])
async def test_what_is_no_document_is_refused(provider, body):
    assert (await provider.post("/messages", content=body)).status_code == 422
    assert (await provider.post("/inbound", content=body)).status_code == 422


async def test_customer_who_writes_is_told_and_the_answer_is_passed_on(provider, receiver):
    receiver.script.append(answer(202))
    said = await provider.post("/inbound", json={"from": "+55", "body": "Oi"})
    assert said.json() == {"helpdesk_answered": 202}
    (event,) = await events(receiver, 1)
    assert (event["type"], event["data"]["body"]) == ("message.received", "Oi")


async def test_health_is_empty_and_memory_is_bounded(provider, receiver, monkeypatch):
    assert (await provider.get("/health")).status_code == 204
    monkeypatch.setattr(simulator, "KEPT_MESSAGES", 2)
    for key in "abc":
        await provider.post("/messages", json=MESSAGE, headers={"idempotency-key": key})
    kept = orjson.loads((await provider.get("/messages")).content)
    assert list(kept["calls_by_key"]) == ["b", "c"]
    await events(receiver, 6)
