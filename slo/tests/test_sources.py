"""Counts from a Prometheus server: a real one, scraping a page of ours."""

import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from slo import boot, registry, selectors, sources
from slo.errors import SourceUnavailable

PROMETHEUS = shutil.which("prometheus") or ""
pytestmark = pytest.mark.django_db


class Own(Collector):
    """The families of one test: the whole suite's would take longer than a scrape may."""

    def __init__(self, metrics):
        self._families = (metrics.seconds, metrics.answers)

    def collect(self):
        for family in self._families:
            yield from family.collect()
        beginning = GaugeMetricFamily(registry.BOOT_METRIC, "When they were zero.")
        beginning.add_metric([], boot.began_seconds())
        yield beginning


@pytest.fixture
def target(metrics):
    """Serve this test's counters; yield host and port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(generate_latest(Own(metrics)))

        def log_message(self, *_line):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def prometheus(target, tmp_path):
    """Run a Prometheus server that scrapes the target each second; yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    command = [
        PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}", "--log.level=error",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    yield f"http://{address}"
    process.terminate()
    process.wait(30)


def wait_until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def has_scraped(url, metric, value):
    """Return whether the server's newest sample of `metric` is `value`."""
    try:
        found = httpx.get(f"{url}/api/v1/query", params={"query": f"sum({metric})"}, timeout=5)
        return float(found.json()["data"]["result"][0]["value"][1]) == value
    except (httpx.HTTPError, LookupError, ValueError):
        return False


@pytest.mark.timeout(180)
@pytest.mark.skipif(not PROMETHEUS, reason="prometheus is not on PATH")
def test_a_real_server_gives_the_same_verdicts(prometheus, fast, errors, metrics):
    metrics.seconds.labels("api:tickets").observe(0.1)
    metrics.answers.labels("200").inc()
    metrics.answers.labels("503").inc(0)
    count = f"{fast.metric}_count"
    wait_until(lambda: has_scraped(prometheus, count, 1), "the first sample was scraped")
    time.sleep(4)
    for _ in range(30):
        metrics.seconds.labels("api:tickets").observe(0.2)
        metrics.seconds.labels("api:tickets").observe(0.5)
    metrics.answers.labels("200").inc(99)
    metrics.answers.labels("503").inc()
    wait_until(lambda: has_scraped(prometheus, count, 61), "the last sample was scraped")
    source = sources.PrometheusServer(url=prometheus)
    bad, slow = selectors.evaluate_with(
        source, [errors, fast], now=datetime.now(tz=UTC), window=timedelta(seconds=60)
    )
    assert (slow.source, slow.state) == ("prometheus", "missed")
    assert float(slow.tally.ratio or 0) == pytest.approx(0.5, abs=0.02)
    assert slow.quantile is not None
    assert slow.quantile.high == 1.0
    assert bad.state == "missed"
    assert float(bad.tally.ratio or 0) == pytest.approx(0.99, abs=0.01)


def test_series_that_a_server_does_not_know_are_no_data(monkeypatch, fast, errors):
    monkeypatch.setattr(sources.PrometheusServer, "_fetch", lambda *_: {"data": {"result": []}})
    source = sources.PrometheusServer(url="http://prometheus.invalid")
    found = selectors.evaluate_with(source, [fast, errors], now=datetime.now(tz=UTC))
    assert [each.state for each in found] == ["no_data", "no_data"]


def test_answer_that_is_no_vector_is_an_unavailable_source(target, fast):
    source = sources.PrometheusServer(url=f"http://{target}")
    with pytest.raises(SourceUnavailable, match=target):
        selectors.evaluate_with(source, [fast], now=datetime.now(tz=UTC))


def test_page_is_fetched_with_the_token(target, fast, metrics):
    metrics.seconds.labels("api:tickets").observe(0.2)
    text = sources.fetch_text(f"http://{target}", token="t")
    reading = sources.read_text(text, [fast.selection], now=datetime.now(tz=UTC))
    assert reading.counts[fast.selection.key]["0.35"] == 1
    assert reading == sources.read_registry([fast.selection], now=reading.taken_at)
