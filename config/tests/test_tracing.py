"""Contexts always, exporters only where asked for."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from config import tracing
from helpdesk import trace

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()


START = """
import sys, django
django.setup()
from config import tracing
tracing.start("web")
from opentelemetry import trace
print("opentelemetry.exporter" in sys.modules, type(trace.get_tracer_provider()).__name__)
import os; os._exit(0 if not sys.stdout.flush() else 1)
"""


def test_without_an_endpoint_no_exporter_is_even_imported():
    assert run(START) == ["False", "ProxyTracerProvider"]


def test_with_an_endpoint_the_process_exports():
    found = run(START, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert found == ["True", "TracerProvider"]


def job(**headers):
    return SimpleNamespace(name="helpdesk.test", request=SimpleNamespace(headers=headers))


@pytest.mark.parametrize("headers", [{"traceparent": PARENT}, {"trace_id": TRACE_ID}])
def test_a_job_continues_its_publishers_trace_and_leaves_none_behind(headers):
    task = job(**headers)
    tracing.begin_task(task=task)
    assert trace.current_id() == TRACE_ID
    tracing.end_task(task=task, state="SUCCESS")
    assert trace.current_id() == ""


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"traceparent": None}])
def test_a_job_of_nobody_begins_a_trace(headers):
    task = job(**headers)
    tracing.begin_task(task=task)
    assert len(trace.current_id()) == 32
    tracing.end_task(task=task, state="FAILURE")
    assert trace.current_id() == ""
