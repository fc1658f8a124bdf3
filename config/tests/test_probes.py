"""What experiments ask is answered by the desk itself, over a real socket."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from config.probes import PROBES
from helpdesk import metrics
from helpdesk.models import Message
from helpdesk.tests.factories import UserFactory


class Provider(BaseHTTPRequestHandler):
    """Tells which keys it has seen, as the simulated provider does."""

    keys: tuple[str, ...] = ()

    def do_GET(self):
        body = json.dumps({"calls_by_key": dict.fromkeys(self.keys, 1)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setattr(Provider, "keys", ("of somebody else",))
    server = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(live_server, provider, settings):
    """Ask a probe of one run."""
    UserFactory(email="agent@demo.test", password="demo-pass-123")
    settings.HELPDESK = {
        **settings.HELPDESK,
        "PROVIDER_CALLBACK_URL": f"{live_server.url}/api/v1/webhooks/provider",
        "PROVIDER_BASE_URL": f"http://127.0.0.1:{provider.server_port}",
    }
    memory: dict[str, Any] = {}
    yield lambda name: PROBES[name](memory)
    if "desk" in memory:
        memory["desk"].close()


@pytest.mark.parametrize("name", ["list_ms", "crowded_list_ms", "dashboard_ms", "burst_ms"])
def test_time_is_measured_in_milliseconds(ask, name):
    assert 0 < ask(name) < 60_000


def test_an_answer_is_an_answer(ask):
    assert ask("answers_or_says_when") is True
    assert ask("reply_or_says_when") is True


def test_a_reply_that_is_put_off_is_an_answer_too_and_sent_again_under_its_key(ask, monkeypatch):
    answers = iter([httpx.Response(503), httpx.Response(503, headers={"Retry-After": "2"})])
    ask("list_ms")  # signs in
    keys = []

    def post(_client, _path, *, json, headers):
        keys.append(headers["Idempotency-Key"])
        return next(answers)

    with monkeypatch.context() as broken:
        ask("replies_late")  # opens the ticket
        broken.setattr(httpx.Client, "post", post)
        assert [ask("reply_or_says_when") for _ in range(2)] == [False, True]
    ask("reply_ms")
    assert (len(set(keys)), ask("replies_late")) == (1, 0)


def test_replies_are_followed_to_their_end(ask):
    ask("reply_ms")
    assert (ask("replies_late"), ask("replies_failed"), ask("replies_doubled")) == (0, 0, 0)
    Message.objects.update(status=Message.Status.FAILED)
    assert ask("replies_failed") == 1


def test_a_reply_that_nobody_got_is_late_after_a_while(ask, monkeypatch):
    ask("reply_ms")
    monkeypatch.setattr("config.probes._ON_THEIR_WAY_SECONDS", 0.0)
    assert ask("replies_late") == 1
    Message.objects.update(status=Message.Status.DELIVERED)
    assert ask("replies_late") == 0


def test_a_second_key_for_one_reply_is_a_doubled_reply(ask, monkeypatch):
    ask("reply_ms")
    monkeypatch.setattr(Provider, "keys", ("of somebody else", "first", "second"))
    assert ask("replies_doubled") == 1


def test_failed_calls_are_counted_from_the_first_question_on(ask):
    calls = metrics.PROVIDER_REQUEST_SECONDS
    calls.labels("retry").observe(0.1)
    assert ask("provider_failures") == 0
    calls.labels("retry").observe(0.1)
    calls.labels("ok").observe(0.1)
    assert ask("provider_failures") == 1
