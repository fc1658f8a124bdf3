"""Latency as clients of the application feel it."""

import threading
import time

import httpx
import pytest
from django.test import Client, RequestFactory
from django.test.client import ClientHandler

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.http import is_exempt
from chaos.tests.conftest import wait_until

pytestmark = pytest.mark.usefixtures("minimal_urls")


def arm(**metadata):
    kernel.arm([ActiveFault("slow", "latency", "slow", metadata=metadata)])


def timed_get(client, path, **extra):
    started = time.monotonic()
    response = client.get(path, **extra)
    return response, time.monotonic() - started


def test_delay_is_felt_over_a_real_socket_and_named(live_server):
    with httpx.Client(base_url=live_server.url) as client:
        assert "x-chaos-fault" not in client.get("/hello").headers
        arm(delayMs=300)
        response, seconds = timed_get(client, "/hello")
        assert seconds >= 0.3
        assert response.status_code == 200
        assert response.headers["x-chaos-fault"] == "latency/slow"


@pytest.mark.parametrize("path", ["/livez", "/admin/login/", "/api/v1/dev/chaos"])
def test_exempt_path_is_untouched(client, db, path):
    arm(delayMs=2000)
    response, seconds = timed_get(client, path)
    assert seconds < 1.5
    assert "X-Chaos-Fault" not in response.headers


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/admin/", True),
        ("/admin", True),
        ("/admin/chaos/fault/", True),
        ("/administrators", False),
        ("/api/v1/dev/chaos", True),
        ("/api/v1/dev/chaos/redis", True),
        ("/api/v1/dev/chaosmonkey", False),
        ("/metrics", True),
        ("/api/v1/tickets", False),
    ],
)
def test_exemption_ends_at_a_path_segment(path, answer):
    assert is_exempt(path) is answer


def test_route_and_method_choose_what_is_slow(client):
    arm(delayMs=200, method="POST")
    assert "X-Chaos-Fault" not in client.get("/hello").headers
    assert "X-Chaos-Fault" in client.post("/hello").headers
    arm(delayMs=200, route="/elsewhere")
    assert "X-Chaos-Fault" not in client.get("/hello").headers
    arm(delayMs=200, route="hello")
    assert "X-Chaos-Fault" in client.get("/hello").headers


def test_any_fault_that_a_request_meets_is_named(client, settings):
    settings.ROOT_URLCONF = "chaos.tests.hitting_urls"
    kernel.arm([ActiveFault("down", "redis", "down")])
    assert client.get("/hit").headers["X-Chaos-Fault"] == "redis/down"


def test_more_sleepers_than_allowed_are_let_through(chaos_settings, live_server):
    chaos_settings(MAX_CONCURRENT_SLEEPS=2)
    client = Client()
    client.get("/hello")
    arm(delayMs=600)
    delayed = []

    def ask():
        _response, seconds = timed_get(client, "/hello")
        delayed.append(seconds >= 0.6)

    threads = [threading.Thread(target=ask) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(delayed) == 2


@pytest.mark.django_db(transaction=True)
def test_first_request_of_a_new_process_is_hit(inject, chaos_settings):
    inject("latency", "slow", delayMs=100)
    chaos_settings(CONTROL_IN_TESTS=True)
    handler = ClientHandler()
    handler.load_middleware()  # what a server does before it takes requests
    wait_until(lambda: bool(kernel.ARMED), 2)
    assert "X-Chaos-Fault" in handler(RequestFactory().get("/hello").environ).headers
