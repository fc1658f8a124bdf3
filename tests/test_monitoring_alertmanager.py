"""A real Alertmanager with the committed files: who is told, who is spared, what it says."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
QA = {"service": "steadydesk", "environment": "qa"}
STAGING = {"service": "steadydesk", "environment": "staging"}
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Alertmanager: apt-get install prometheus-alertmanager"
)


class Inbox:
    """The paging service and Slack in one: an HTTP server that remembers what it was sent."""

    def __init__(self) -> None:
        inbox = self
        self.received: list[tuple[str, str, dict[str, Any]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                token = self.headers.get("Authorization", "")
                inbox.received.append((self.path, token, json.loads(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_args: Any) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sent_to(self, path: str) -> list[dict[str, Any]]:
        return [body for where, _, body in self.received if where == path]

    def wait_for(self, path: str, wanted: str) -> dict[str, Any]:
        for _ in range(100):
            found = [body for body in self.sent_to(path) if wanted in json.dumps(body)]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"{wanted} never came to {path}; came: {self.received}")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    yield box
    box.server.shutdown()
    box.server.server_close()


@pytest.fixture(scope="module")
def alertmanager(inbox: Inbox, tmp_path_factory: Any) -> Iterator[httpx.Client]:
    """Alertmanager on the committed files; only addresses, secrets and waiting times are ours."""
    folder = tmp_path_factory.mktemp("alertmanager")
    shutil.copytree(ROOT / "monitoring/alertmanager/templates", folder / "templates")
    (folder / "alert_slack_url").write_text(f"{inbox.url}/slack")
    (folder / "alert_webhook_token").write_text("token-of-the-pager")
    (folder / "alert_smtp_password").write_text("unused")
    text = (ROOT / "monitoring/alertmanager/alertmanager.yml").read_text()
    for ours, theirs in {
        "/run/secrets": str(folder),
        "http://oncall.internal:9095": inbox.url,
        "mail.internal:587": "127.0.0.1:9",
        "group_wait: 10s": "group_wait: 1s",
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "alertmanager.yml").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            str(PROGRAM),
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        try:
            _wait_until_ready(client, process)
            client.post("/api/v2/alerts", json=FIRING).raise_for_status()
            yield client
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, "Alertmanager refused the configuration"
        try:
            if client.get("/-/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("Alertmanager did not become ready")


def _alert(name: str, severity: str, place: dict[str, str], **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity, **place, **labels},
        "annotations": {
            "summary": f"Summary of {name}",
            "description": "What it is.",
            "runbook_url": f"docs/runbooks/{name}.md",
        },
    }


FIRING = [
    # QA: somebody armed a fault.
    _alert("ChaosActive", "info", QA, target="latency", mode="slow"),
    _alert("SloBurnRateFast", "page", QA, slo="api-p95", window="1h"),
    _alert("SloMissed", "ticket", QA, slo="api-p95", window="1h"),
    _alert("DeadLettersGrowing", "ticket", QA, uninhibited="true"),
    _alert("SloBurnRateFast", "page", QA, slo="api-errors", window="1h", drill="true"),
    # Staging: nobody did.
    _alert("SloBurnRateFast", "page", STAGING, slo="ws-delivery-p95", window="1h"),
    _alert("SloBurnRateSlow", "ticket", STAGING, slo="ws-delivery-p95", window="1d"),
    _alert("SloBurnRateSlow", "ticket", STAGING, slo="api-p50", window="3d"),
    # A third place is down altogether.
    _alert("SteadydeskDown", "page", {**QA, "environment": "elsewhere"}),
    _alert("SloDataMissing", "ticket", {**QA, "environment": "elsewhere"}, slo="api-p95"),
    _alert("Watchdog", "info", STAGING),
]


def _state(client: httpx.Client, **labels: str) -> str:
    filters = [f'{name}="{value}"' for name, value in labels.items()]
    for _ in range(50):
        found = client.get("/api/v2/alerts", params={"filter": filters}).json()
        assert len(found) == 1, found
        if found[0]["status"]["state"] != "unprocessed":
            return str(found[0]["status"]["state"])
        time.sleep(0.1)
    raise AssertionError(f"{labels} was never processed")


SUPPRESSED = [
    {"alertname": "SloBurnRateFast", "environment": "qa", "slo": "api-p95"},
    {"alertname": "SloMissed", "environment": "qa"},
    {"alertname": "SloBurnRateSlow", "slo": "ws-delivery-p95"},
    {"alertname": "SloDataMissing", "environment": "elsewhere"},
]
TOLD = [
    {"alertname": "ChaosActive"},
    {"alertname": "DeadLettersGrowing"},
    {"alertname": "SloBurnRateFast", "drill": "true"},
    {"alertname": "SloBurnRateFast", "environment": "staging"},
    {"alertname": "SloBurnRateSlow", "slo": "api-p50"},
    {"alertname": "SteadydeskDown"},
    {"alertname": "Watchdog"},
]


@pytest.mark.parametrize("labels", SUPPRESSED, ids=str)
def test_what_an_armed_fault_a_page_or_a_lost_desk_explains_is_held_back(
    alertmanager: httpx.Client, inbox: Inbox, labels: dict[str, str]
) -> None:
    inbox.wait_for("/alerts", "SteadydeskDown")  # everything posted was looked at by now
    assert _state(alertmanager, **labels) == "suppressed"


@pytest.mark.parametrize("labels", TOLD, ids=str)
def test_what_nothing_explains_is_told(alertmanager: httpx.Client, labels: dict[str, str]) -> None:
    assert _state(alertmanager, **labels) == "active"


def test_a_page_reaches_the_pager_with_its_token_and_slack_with_its_runbook(
    alertmanager: httpx.Client, inbox: Inbox
) -> None:
    assert alertmanager.get("/-/healthy").is_success
    page = inbox.wait_for("/alerts", "ws-delivery-p95")
    message = inbox.wait_for("/slack", "#steadydesk-oncall")["attachments"][0]

    assert page["receiver"] == "oncall"
    assert {token for path, token, _ in inbox.received if path == "/alerts"} == {
        "Bearer token-of-the-pager"
    }
    assert message["title"].startswith("[PAGE ")
    assert "What to do: docs/runbooks/" in message["text"]


def test_a_drill_goes_to_the_game_day_and_to_no_pager(
    alertmanager: httpx.Client, inbox: Inbox
) -> None:
    assert alertmanager.get("/-/healthy").is_success
    drill = inbox.wait_for("/drills", "api-errors")

    assert drill["receiver"] == "gameday"
    assert "DRILL" in json.dumps(inbox.wait_for("/slack", "[DRILL"), ensure_ascii=False)
    assert "api-errors" not in json.dumps(inbox.sent_to("/alerts"))


def test_the_heartbeat_reaches_what_counts_heartbeats(
    alertmanager: httpx.Client, inbox: Inbox
) -> None:
    assert alertmanager.get("/-/healthy").is_success
    assert inbox.wait_for("/heartbeat", "Watchdog")["receiver"] == "heartbeat"
