"""A client meets the faults of a provider that is not ours, on the way to a real server."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.transport import FaultyTransport

ANSWER = {"id": "a long enough answer to be dripped"}
TAKEN: list[str] = []


class Provider(BaseHTTPRequestHandler):
    """Takes everything, and remembers it."""

    def do_POST(self):
        TAKEN.append(self.rfile.read(int(self.headers["content-length"])).decode())
        body = json.dumps(ANSWER).encode()
        self.send_response(202)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def taken():
    TAKEN.clear()
    return TAKEN


def client_of(server, **options):
    transport = FaultyTransport(httpx.HTTPTransport(), **options)
    return httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", transport=transport)


@pytest.fixture
def client(server, taken):
    with client_of(server) as client:
        yield client


def arm(mode, **metadata):
    fault = ActiveFault(mode, "provider", mode, metadata=metadata)
    kernel.arm([fault])
    return fault


def test_without_a_fault_the_call_is_the_real_one(client, taken):
    arm("500", route="/elsewhere")
    response = client.post("/messages", content="one")
    assert (response.status_code, response.json()) == (202, ANSWER)
    assert "x-chaos-fault" not in response.headers
    assert taken == ["one"]


@pytest.mark.parametrize(("mode", "status"), [("500", 500), ("429", 429), ("malformed", 202)])
def test_refusals_never_reach_the_provider(client, taken, mode, status):
    arm(mode, **({"retryAfterSec": 7} if mode == "429" else {}))
    response = client.post("/messages", content="one")
    assert (response.status_code, response.headers["x-chaos-fault"]) == (status, f"provider/{mode}")
    assert response.headers.get("retry-after") == ("7" if mode == "429" else None)
    assert taken == []
    if mode == "malformed":
        with pytest.raises(ValueError, match="Unterminated"):
            response.json()
    kernel.arm([])
    assert client.post("/messages", content="two").json() == ANSWER


@pytest.mark.parametrize(("mode", "reached"), [("timeout", []), ("ambiguous", ["one"])])
def test_silence_is_a_read_timeout_and_ambiguous_was_taken(client, taken, mode, reached):
    arm(mode)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/messages", content="one", timeout=0.3)
    assert taken == reached


def test_silence_is_over_when_its_fault_is_cleared(client):
    arm("timeout")
    threading.Timer(0.2, kernel.arm, [[]]).start()
    assert client.post("/messages", content="one", timeout=None).status_code == 504


def test_slow_is_the_real_answer_dripped_past_the_read_timeout(client, taken):
    arm("slow", delayMs=600)
    began = time.monotonic()
    response = client.post("/messages", content="one", timeout=1)
    assert time.monotonic() - began >= 1.2  # once before the headers, once over the body
    assert (response.json(), response.headers["x-chaos-fault"]) == (ANSWER, "provider/slow")
    assert taken == ["one"]


def test_delay_beyond_the_read_timeout_is_one_and_the_connection_is_given_back(server, taken):
    limits = httpx.Limits(max_connections=1)
    transport = FaultyTransport(httpx.HTTPTransport(limits=limits))
    base_url = f"http://127.0.0.1:{server.server_port}"
    with httpx.Client(base_url=base_url, transport=transport, timeout=0.3) as client:
        arm("slow", delayMs=60_000)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/messages", content="one")
        kernel.arm([])
        assert client.post("/messages", content="two", timeout=30).json() == ANSWER


def test_deadline_of_the_whole_call_ends_the_drip(server, taken):
    ends_at = time.monotonic() + 1.0
    with client_of(server, seconds_left=lambda: max(ends_at - time.monotonic(), 0.0)) as client:
        arm("slow", delayMs=800)
        with (
            pytest.raises(httpx.ReadTimeout),
            client.stream("POST", "/messages", content="one", timeout=30) as response,
        ):
            response.read()
        assert taken == ["one"]
