"""One log line shape for every process, with the trace id that links them."""

from __future__ import annotations

import logging

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from helpdesk import trace


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the current trace id, when there is one, on the line."""
    current = trace.current_id()
    if current:
        event["trace_id"] = current
    return event


def formatter(*, as_json: bool) -> logging.Formatter:
    """Return the formatter that renders standard `logging` records as structured lines."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace_id,
        structlog.processors.format_exc_info,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
