"""One posted message is one trace: web, worker, provider, webhook, socket, and its log lines."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from standardwebhooks import Webhook
from websockets.sync.client import connect

from config.stack import Stack
from helpdesk.tests.receiver import receiving
from tests.desk import open_ticket, signed_in

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]
TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """An OTLP/HTTP receiver that keeps spans with the name of the service that sent them."""

    def __init__(self):
        spans: list[tuple[str, Any]] = []
        self.spans = spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
                    named = {a.key: a.value.string_value for a in batch.resource.attributes}
                    for scope in batch.scope_spans:
                        spans.extend((named["service.name"], span) for span in scope.spans)
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def of_trace(self):
        return [(service, s) for service, s in self.spans if s.trace_id.hex() == TRACE_ID]


@pytest.fixture(scope="module")
def collector():
    receiver = Collector()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def stack(collector):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "WEB_PROCESSES": "1"}
    with Stack("traces", is_seeded=True, env=environment) as running:
        yield running


@pytest.fixture(scope="module")
def api(stack):
    with signed_in(stack, "owner@demo.test") as client:
        yield client


def until_delivered(feed):
    frames = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        frame = json.loads(feed.recv(timeout=60))
        if frame["type"].startswith("message."):
            frames.append(frame)
            if frame["data"]["status"] == "delivered":
                return frames
    raise AssertionError(frames)


EXPECTED = {
    ("steadydesk-web", "POST /api/v1/tickets/<int:ticket_id>/messages"),
    ("steadydesk-web", "message.send"),
    ("steadydesk-web", "socket.send"),
    ("steadydesk-web", "POST /api/v1/webhooks/provider"),
    ("steadydesk-worker", "helpdesk.deliver_message"),
    ("steadydesk-worker", "message.deliver"),
    ("steadydesk-worker", "provider.send"),
    ("steadydesk-worker", "helpdesk.receive_provider_event"),
    ("steadydesk-worker", "provider_event.receive"),
    ("steadydesk-provider", "provider.callback"),
}


def test_one_message_is_one_trace_from_the_request_to_the_socket(api, stack, collector):
    ticket = open_ticket(api)
    fault = {
        "target": "provider",
        "mode": "500",
        "ttlSec": 30,
        "metadata": {"firstN": 1},
    }
    assert api.post("/dev/chaos/provider", json=fault).status_code == 201
    time.sleep(1.5)  # every process has heard of it; the first attempt fails, the sweeper rings
    pass_ = api.post("/auth/ws-ticket").json()["ticket"]
    url = f"{stack.base_url.replace('http', 'ws')}/ws/v1/tickets/{ticket}?ticket={quote(pass_)}"
    with connect(url) as feed:
        answer = api.post(
            f"/tickets/{ticket}/messages",
            json={"body": "traced"},
            headers={"traceparent": f"00-{TRACE_ID}-{CALLER}-01"},
        )
        frames = until_delivered(feed)

    assert answer.headers["x-trace-id"] == TRACE_ID
    assert {frame["trace_id"] for frame in frames} == {TRACE_ID}
    deadline = time.monotonic() + 15
    while missing := EXPECTED - {(service, s.name) for service, s in collector.of_trace()}:
        assert time.monotonic() < deadline, missing
        time.sleep(0.2)
    failed = [span for _, span in collector.of_trace() if span.name == "provider.send"]
    assert [span.status.code for span in sorted(failed, key=lambda s: s.start_time_unix_nano)] == [
        2, 0,
    ]  # fmt: skip
    time.sleep(1.5)
    assert loose_ends(collector) == set()
    told = [line for line in stack.logs().splitlines() if "did not take message" in line]
    assert len(told) == 1
    assert TRACE_ID in told[0]


def loose_ends(collector):
    """Return the names of spans whose parent nobody exported; the caller's own is elsewhere."""
    spans = [span for _, span in collector.of_trace()]
    known = {span.span_id.hex() for span in spans} | {CALLER}
    return {span.name for span in spans if span.parent_span_id.hex() not in known}


OTHER_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_what_a_request_causes_is_told_to_another_system_within_its_trace(api):
    ticket = open_ticket(api)
    with receiving() as receiver:
        asked = {"url": receiver.url, "events": ["message.created"]}
        endpoint = api.post("/webhook-endpoints", json=asked).json()
        api.post(
            f"/tickets/{ticket}/messages",
            json={"body": "told elsewhere"},
            headers={"traceparent": f"00-{OTHER_TRACE_ID}-{CALLER}-01"},
        )
        deadline = time.monotonic() + 60
        while not receiver.got:
            assert time.monotonic() < deadline, "no webhook came"
            time.sleep(0.1)
        (got,) = receiver.got
    event = Webhook(endpoint["secret"]).verify(got.body.decode(), got.headers)
    assert (event["ticket"], event["data"]["body"]) == (ticket, "told elsewhere")
    assert got.headers["traceparent"].split("-")[1] == OTHER_TRACE_ID
    assert api.delete(f"/webhook-endpoints/{endpoint['id']}").status_code == 204
