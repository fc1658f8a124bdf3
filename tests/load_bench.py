"""What the tests of the load scripts share: k6, and services that misbehave in one way each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("auth_login", "tickets_browse", "chat_send")
PERSON = {"id": 1, "email": "owner@demo.test", "name": "Olga", "role": "OWNER"}


def find_k6() -> str:
    return shutil.which("k6") or str(ROOT / ".venv/bin/k6")


def environment(**extra):
    """Return the environment without what a developer's shell may add to a run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"BASE_URL", "PORT", "PROFILE", "ALLOW_REMOTE", "RESULTS_DIR"}
        and not name.startswith("K6_")
    }
    return {**kept, "K6_NO_USAGE_REPORT": "true", "READY_WITHIN_SECONDS": "0", **extra}


def run_sh(*arguments, root=ROOT, **extra):
    return subprocess.run(
        [str(root / "k6/run.sh"), *arguments],
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Answer(BaseHTTPRequestHandler):
    """A service that is ready and otherwise broken."""

    protocol_version = "HTTP/1.1"

    def respond(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self):
        is_probe = self.path == "/readyz"
        self.respond(200 if is_probe else 500, {"status": "ok" if is_probe else "broken"})

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.given = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        self.answer()

    def log_message(self, *args):
        pass


class Logins(Answer):
    """A service that can log in, and nothing else; tokens are the e-mail."""

    delay_seconds = 0.0

    def answer(self):
        time.sleep(self.delay_seconds)
        email = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.path.endswith("/login"):
            email = self.given["email"]
            user = {**PERSON, "email": email}
            self.respond(200, {"access": email, "refresh": f"again {email}", "user": user})
        elif self.path.endswith("/me"):
            self.respond(200, {**PERSON, "email": email})
        else:
            self.respond(200, {})


class SlowLogins(Logins):
    delay_seconds = 0.5


class NamelessLogins(Logins):
    """Answers 200 to everything, with an empty body."""

    def answer(self):
        self.respond(200, {})


@contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
