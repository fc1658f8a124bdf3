"""A campaign must not delay replies: it has a queue, workers and calls of its own."""

import time
from datetime import datetime

import httpx
import pytest

from config.stack import Stack
from tests.desk import open_ticket, signed_in

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
RECIPIENTS, RATE = 300, 20
REPLIES = 40


@pytest.fixture(scope="module")
def stack():
    with Stack("campaign", is_seeded=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(stack):
    with signed_in(stack, "admin@demo.test") as client:
        yield client


def start_campaign(api):
    body = {
        "name": "News",
        "body": "Olá, {name}!",
        "audience": {"channel": "whatsapp", "limit": RECIPIENTS},
        "rate_per_second": RATE,
    }
    campaign = api.post("/campaigns", json=body).json()
    answer = api.post(f"/campaigns/{campaign['id']}/start")
    assert answer.status_code == 200, answer.text
    return answer.json()


def seconds_until_sent(api, ticket):
    page = api.get(f"/tickets/{ticket}/messages?limit=100").json()["results"]
    return [
        (
            datetime.fromisoformat(message["sent_at"])
            - datetime.fromisoformat(message["created_at"])
        ).total_seconds()
        if message["sent_at"]
        else float("inf")
        for message in page
    ]


def wait_until(holds, *, seconds):
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
        time.sleep(0.5)
    return False


def test_replies_are_sent_at_once_while_a_campaign_runs(api, stack):
    ticket = open_ticket(api)
    campaign = start_campaign(api)
    assert campaign["counters"]["total"] == RECIPIENTS
    url = f"/campaigns/{campaign['id']}"

    for number in range(REPLIES):
        answer = api.post(f"/tickets/{ticket}/messages", json={"body": f"nr {number}"})
        assert answer.status_code == 201
        time.sleep(0.2)
    during = api.get(url).json()

    assert during["status"] == "running"  # so the replies were sent beside it
    assert during["counters"]["pending"] > 0
    assert wait_until(lambda: max(seconds_until_sent(api, ticket)) < 999, seconds=30)
    waits = sorted(seconds_until_sent(api, ticket))
    assert len(waits) == REPLIES
    assert waits[int(REPLIES * 0.95) - 1] <= 1.0

    def is_over():
        now = api.get(url).json()
        sent = now["counters"]["delivered"] + now["counters"]["skipped"]
        return now["status"] == "finished" and sent == RECIPIENTS

    assert wait_until(is_over, seconds=120), api.get(url).json()["counters"]
    provider = httpx.get(f"{stack.env['PROVIDER_BASE_URL']}/messages", timeout=10).json()
    skipped = api.get(url).json()["counters"]["skipped"]
    assert len(provider["calls_by_key"]) == RECIPIENTS - skipped + REPLIES
