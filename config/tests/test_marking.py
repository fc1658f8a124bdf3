"""A fault names itself on the span that it hits, and in the log lines of its request."""

import json
import logging

from django.conf import settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.logs import FaultFilter
from config import logs


def test_span_that_a_fault_hits_carries_its_name():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    kernel.arm([ActiveFault("slow", "latency", "slow")])
    try:
        with tracer.start_as_current_span("hit"):
            kernel.pick("latency")
        with tracer.start_as_current_span("spared"):
            kernel.pick("redis")
    finally:
        kernel.arm([])
    marks = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
    assert marks == {"hit": {"chaos.fault": "latency/slow"}, "spared": {}}


def test_log_line_of_a_hit_request_has_the_field_in_json():
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["fault"]
    handlers = logging.getLogger().handlers
    filters = [f for h in handlers for f in h.filters if isinstance(f, FaultFilter)]
    assert filters
    record = logging.makeLogRecord({"name": "helpdesk", "levelno": 30, "msg": "slow"})
    kernel.arm([ActiveFault("slow", "latency", "slow")])
    try:
        with kernel.traced():
            kernel.pick("latency")
            filters[0].filter(record)
    finally:
        kernel.arm([])
    line = json.loads(logs.formatter(as_json=True).format(record))
    assert line["chaos_fault"] == "latency/slow"
