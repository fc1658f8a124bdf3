"""The provider itself misbehaves, over its socket, in another process."""

import time

import httpx
import pytest
from django.utils import timezone

from chaos import services
from chaos.tests.conftest import ACTOR, free_port, other_process, wait_until


@pytest.fixture(scope="module")
def running_provider(django_db_setup):
    """Serve the provider with Daphne, once for all these tests."""
    port = free_port()
    arguments = ["-m", "daphne", "-p", str(port), "-v", "0", "chaos.tests.provider_app:app"]
    with (
        other_process(*arguments),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=2) as client,
    ):
        wait_until(lambda: answers(client), 30)
        yield client


@pytest.fixture
def provider(running_provider, transactional_db):
    """Return a client of the provider, which is healthy before and after."""
    yield running_provider
    services.clear_all(actor=ACTOR, now=timezone.now())
    wait_until(lambda: is_healthy(running_provider), 2)


def is_healthy(client):
    return "x-chaos-fault" not in client.get("/messages").headers


def answers(client):
    try:
        return client.get("/health").status_code == 202
    except httpx.TransportError:
        return False


def hit(client, name):
    """Send until the fault arrives, at most a second."""
    end = time.monotonic() + 1
    while True:
        response = client.post("/messages", content=b"try")
        if response.headers.get("x-chaos-fault") == name or time.monotonic() > end:
            return response


def settle():
    """Give the news the second it may take."""
    time.sleep(1)


def test_429_carries_retry_after_over_a_real_socket(provider, inject):
    inject("provider", "429", retryAfterSec=7)
    response = hit(provider, "provider/429")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.headers["x-chaos-fault"] == "provider/429"
    assert provider.get("/health").status_code == 202


def test_500_ends_when_it_is_cleared(provider, inject):
    fault = inject("provider", "500", method="POST")
    assert hit(provider, "provider/500").status_code == 500
    assert provider.get("/messages").status_code == 202
    services.clear_fault(fault_id=fault.pk, actor=ACTOR, now=timezone.now())
    wait_until(lambda: provider.post("/messages", content=b"x").status_code == 202, 1)


def test_malformed_is_a_success_that_is_not_json(provider, inject):
    inject("provider", "malformed")
    response = hit(provider, "provider/malformed")
    assert response.status_code == 202
    with pytest.raises(ValueError, match="Unterminated"):
        response.json()


def test_timeout_is_silence_and_the_message_is_not_taken(provider, inject):
    inject("provider", "timeout", method="POST")
    settle()
    with pytest.raises(httpx.ReadTimeout):
        provider.post("/messages", content=b"lost", timeout=0.5)
    assert "lost" not in provider.get("/messages").json()["accepted"]


def test_ambiguous_takes_the_message_and_loses_the_answer(provider, inject):
    inject("provider", "ambiguous", method="POST")
    settle()
    with pytest.raises(httpx.ReadTimeout):
        provider.post("/messages", content=b"taken", timeout=0.5)
    assert "taken" in provider.get("/messages").json()["accepted"]


def test_slow_drips_past_the_read_timeout(provider, inject):
    inject("provider", "slow", delayMs=300)
    settle()
    started = time.monotonic()
    response = provider.post("/messages", content=b"a message that is long enough", timeout=1)
    assert response.json()["accepted"][-1] == "a message that is long enough"
    assert time.monotonic() - started >= 0.5
