"""
Traces of every process: contexts always, spans exported only where an endpoint is configured.

The product speaks OpenTelemetry's API; this module alone knows the SDK, and imports the exporter
only when `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Other `OTEL_*` variables of the specification
(headers, sampler, resource attributes) are read by the SDK itself.
"""

from __future__ import annotations

import os
from typing import Any, Final

from celery import signals
from opentelemetry import context
from opentelemetry import trace as otel

from config import env
from helpdesk import trace

_EXPORT_EVERY_MS: Final = 1000
_EXPORT_SECONDS: Final = 5
_DISPATCH_ID: Final = "config.tracing"
_ATTRIBUTE: Final = "steadydesk_span"  # of a task's request, while it runs


def start(process: str) -> None:
    """
    Begin to export this process' spans as those of `process`; do nothing without an endpoint.

    Call it after any fork: the exporter is a thread, which a child would not inherit.
    """
    if not env.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - costs 30 MB
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create(
        {
            "service.namespace": "steadydesk",
            "service.name": f"steadydesk-{process}",
            "service.instance.id": str(os.getpid()),
            "deployment.environment.name": env.ENVIRONMENT,
        }
    )
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(
        endpoint=f"{env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces", timeout=_EXPORT_SECONDS
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS)
    )
    otel.set_tracer_provider(provider)


def connect() -> None:
    """Give every Celery job its context; calling it again changes nothing."""
    signals.task_prerun.connect(begin_task, dispatch_uid=f"{_DISPATCH_ID}.prerun")
    signals.task_postrun.connect(end_task, dispatch_uid=f"{_DISPATCH_ID}.postrun")
    signals.worker_process_init.connect(begin_child, dispatch_uid=f"{_DISPATCH_ID}.init")
    signals.worker_process_shutdown.connect(end_child, dispatch_uid=f"{_DISPATCH_ID}.shutdown")


def begin_task(task: Any, **_future: Any) -> None:
    """Make the trace of the job's publisher, or a new one, that of the job."""
    begun = trace.start(task.name, parent=_parent(task.request), kind=trace.CONSUMER)
    token = context.attach(otel.set_span_in_context(begun))
    setattr(task.request, _ATTRIBUTE, (begun, token))


def end_task(task: Any, state: str | None = None, **_future: Any) -> None:
    """End what `begin_task` began."""
    begun, token = getattr(task.request, _ATTRIBUTE, (None, None))
    if begun is None or token is None:
        return
    if state == "FAILURE":
        begun.set_status(otel.StatusCode.ERROR)
    begun.end()
    context.detach(token)


def begin_child(**_future: Any) -> None:
    """Begin to export in a worker's child, after its fork."""
    start("worker")


def end_child(**_future: Any) -> None:
    """Send what a worker's child still holds: it ends without Python's own goodbye."""
    shutdown = getattr(otel.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        shutdown()


def _parent(request: Any) -> str:
    # Custom headers arrive as attributes of the request (protocol 2) or in its `headers`.
    headers = request.headers or {}
    for name in ("traceparent", "trace_id"):
        value = getattr(request, name, None) or headers.get(name)
        if isinstance(value, str) and value:
            return value
    return ""
