"""
Which server carries the helpdesk best: calm, and when every request waits 200 ms?

`python -m tests.bench.servers` starts private services, seeds them and asks the ticket list of
each variant (docs/adr/0008 keeps the figures). Needs `wrk` and `nginx` (Debian packages) and
requirements/bench.txt. Variants take turns, so that whatever else the machine does hits them
alike; the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from config.embedded import Services

type Measurement = tuple[float, float, float, int]
type Results = dict[tuple[int, int, str], list[Measurement]]

BIN = Path(sys.executable).parent
PATH = "/api/v1/tickets?limit=25"


@dataclass(frozen=True)
class Variant:
    """A way to serve HTTP: its processes, of which the last one listens on the public port."""

    name: str
    commands: tuple[str, ...]


def variants(port: int, inner: int, nginx_conf: Path) -> list[Variant]:
    daphne = f"{BIN}/daphne -v 0 -b 127.0.0.1 -p {port}"
    gthread = f"{BIN}/gunicorn -w 2 --threads 32 -k gthread --log-level error"
    uvicorn = f"{BIN}/uvicorn --log-level error --no-access-log --port {port}"
    return [
        Variant("daphne, Django's ASGI", (f"{daphne} tests.bench.asgi_django:application",)),
        Variant(
            "uvicorn x2, Django's ASGI",
            (f"{uvicorn} --workers 2 tests.bench.asgi_django:application",),
        ),
        Variant("daphne, thread pool", (f"{daphne} config.asgi:application",)),
        Variant(
            "daphne x2, thread pool",
            (f"env PORT={port} WEB_PROCESSES=2 {BIN}/python -m config.web",),
        ),
        Variant(
            "nginx, gunicorn gthread 2x32 (+ daphne for sockets)",
            (
                f"{gthread} -b 127.0.0.1:{inner} config.wsgi:application",
                f"nginx -c {nginx_conf} -g 'daemon off;'",
            ),
        ),
    ]


NGINX = """
error_log stderr error; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream app {{ server 127.0.0.1:{inner}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://app;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }} }} }}
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(variant: Variant, delay_ms: int, url: str, token: str) -> list[subprocess.Popen[bytes]]:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "CHAOS_ENABLED": "false",
        "BENCH_DELAY_MS": str(delay_ms),
        "WEB_THREADS": "32",
    }
    processes = [
        subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], env=env, start_new_session=True)
        for command in variant.commands
    ]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, headers={"authorization": f"Bearer {token}"}).status_code == 200:
                return processes
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{variant.name} did not answer {url}")


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def load(url: str, token: str, connections: int, seconds: int) -> Measurement:
    """Return requests/s, P50 and P95 in ms, and how many requests failed."""
    script = Path(__file__).with_name("report.lua")
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-H", f"Authorization: Bearer {token}", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", out)
    if found is None:
        raise SystemExit(out)
    rate, p50, p95, failed = found.groups()
    return float(rate), float(p50), float(p95), int(failed)


TOKEN = """
import django
django.setup()
from datetime import timedelta
from rest_framework_simplejwt.tokens import AccessToken
from helpdesk.models import User
token = AccessToken.for_user(User.objects.get(email="agent@demo.test"))
token.set_exp(lifetime=timedelta(hours=3))
print(token)
"""


def prepare() -> str:
    """Migrate and seed the private database; return an access token for its agent."""
    for command in (["migrate", "-v", "0"], ["seed_qa"]):
        subprocess.run([sys.executable, "manage.py", *command], check=True)
    done = subprocess.run(
        [sys.executable, "-c", TOKEN],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    for tool in ("wrk", "nginx"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: apt-get install {tool}")
    services = Services("bench", is_durable=False)
    services.start()
    try:
        os.environ.update(services.env)
        show(compare(prepare(), options.rounds, options.seconds))
    finally:
        services.stop()


def compare(token: str, rounds: int, seconds: int) -> Results:
    """Measure every variant in every situation, in turns."""
    results: Results = {}
    for _round in range(rounds):
        for delay_ms, connections in ((0, 5), (0, 16), (200, 16), (200, 64)):
            for number in range(5):
                situation = (delay_ms, connections)
                name, measured = one(number, situation, token, seconds)
                results.setdefault((*situation, name), []).append(measured)
    return results


def show(results: Results) -> None:
    print("delay  connections  variant" + " " * 48 + "requests/s  P50 ms  P95 ms  failed")
    for (delay_ms, connections, name), runs in sorted(results.items()):
        rate, p50, p95, failed = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{delay_ms:>5}  {connections:>11}  {name:<52}", end="")
        print(f"{rate:>13.0f}  {p50:>6.0f}  {p95:>6.0f}  {failed:>6.0f}")


def one(
    number: int, situation: tuple[int, int], token: str, seconds: int
) -> tuple[str, Measurement]:
    """Start one variant, warm it up, measure it and stop it."""
    delay_ms, connections = situation
    port, inner = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "nginx.conf"
        conf.write_text(NGINX.format(folder=folder, port=port, inner=inner))
        variant = variants(port, inner, conf)[number]
        url = f"http://127.0.0.1:{port}{PATH}"
        processes = start(variant, delay_ms, url, token)
        try:
            load(url, token, connections, 1)
            return variant.name, load(url, token, connections, seconds)
        finally:
            stop(processes)


if __name__ == "__main__":
    main()
