"""
The trace that follows one piece of work through HTTP, rows, tasks, calls and sockets.

The context is OpenTelemetry's, and this module knows its API alone: without an SDK (see
`config.tracing`) every span is a mere carrier of ids, costs microseconds and is sent nowhere.

W3C Trace Context: https://www.w3.org/TR/trace-context/ (32 hex digits, not all zero).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import context
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    get_current_span,
    get_tracer,
    set_span_in_context,
)

INTERNAL: Final = SpanKind.INTERNAL
SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT
PRODUCER, CONSUMER = SpanKind.PRODUCER, SpanKind.CONSUMER
# Version 00 ends after the flags; a later one may go on; ff is forbidden.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?!00-.{55})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_NO_PARENT: Final = set_span_in_context(INVALID_SPAN, context.Context())
_tracer = get_tracer("helpdesk")


def new_id() -> str:
    return secrets.token_hex(16)


def current_id() -> str:
    """Return the trace id of the work at hand, or an empty string outside any."""
    current = get_current_span().get_span_context()
    return format_trace_id(current.trace_id) if current.is_valid else ""


def from_traceparent(header: str) -> str:
    """Return the trace id of a `traceparent` header, or an empty string if it is not valid."""
    match = _TRACEPARENT.fullmatch(header.strip().lower())
    return match.group(1) if match else ""


def traceparent() -> str:
    """Return a `traceparent` header for a call made on behalf of the current span."""
    current = get_current_span().get_span_context()
    if not current.is_valid:
        current = _new_context(new_id())
    ids = f"{format_trace_id(current.trace_id)}-{format_span_id(current.span_id)}"
    return f"00-{ids}-{current.trace_flags:02x}"


@contextmanager
def continued(parent: str) -> Iterator[str]:
    """
    Make the trace of `parent` current inside the block, without a span of its own.

    `parent` is a `traceparent`, a bare trace id, or empty for a new trace. A trace that is
    current already stays as it is.
    """
    if _is_current(parent):
        yield current_id()
        return
    with _current(NonRecordingSpan(_parsed(parent) or _new_context(new_id()))):
        yield current_id()


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = INTERNAL,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[Span]:
    """
    Measure the block as a span called `name`; an exception that leaves it is its error.

    `parent` is a `traceparent` or a bare trace id; empty begins a new trace; None, or one of the
    current trace, is the span at hand.
    """
    begun = start(name, parent=parent, kind=kind, attributes=attributes)
    try:
        with _current(begun):
            yield begun
    except Exception as error:  # being cancelled, a BaseException, is no failure
        fail(begun, error)
        raise
    finally:
        begun.end()


def start(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = INTERNAL,
    attributes: Mapping[str, str | int] | None = None,
) -> Span:
    """Return a begun span, see `span`; whoever begins one this way ends it."""
    around = context.get_current()
    if parent is not None and not _is_current(parent):
        given = _parsed(parent)
        around = set_span_in_context(NonRecordingSpan(given), around) if given else _NO_PARENT
    begun = _tracer.start_span(name, around, kind, dict(attributes) if attributes else None)
    if begun.get_span_context().is_valid:
        return begun
    return NonRecordingSpan(_new_context(new_id()))  # no SDK gave it ids


def fail(failed: Span, error: BaseException) -> None:
    """Mark a span as failed by `error`."""
    failed.record_exception(error)
    failed.set_status(Status(StatusCode.ERROR, str(error)[:300]))


@contextmanager
def _current(entered: Span) -> Iterator[None]:
    token = context.attach(set_span_in_context(entered))
    try:
        yield
    finally:
        context.detach(token)


def _is_current(parent: str) -> bool:
    named = parent if _TRACE_ID.fullmatch(parent) else from_traceparent(parent)
    return bool(named) and named == current_id()


def _parsed(parent: str) -> SpanContext | None:
    """Return the span that a `traceparent` names, or one of the trace that an id names."""
    if _TRACE_ID.fullmatch(parent):
        return _new_context(parent)
    match = _TRACEPARENT.fullmatch(parent.strip().lower())
    if match is None:
        return None
    return SpanContext(
        int(match.group(1), 16),
        int(match.group(2), 16),
        is_remote=True,
        trace_flags=TraceFlags(int(match.group(3), 16)),
    )


def _new_context(trace_id: str) -> SpanContext:
    return SpanContext(
        int(trace_id, 16),
        secrets.randbits(64) or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
