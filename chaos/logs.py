"""A field in the log lines of whatever a fault touched."""

from __future__ import annotations

import logging

from chaos import kernel


class FaultFilter(logging.Filter):
    """
    Puts `chaos_fault` on records of requests and tasks that a fault has hit so far.

    List it as a filter of a handler; formatters that show a record's extras show it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        names = kernel.fault_names()
        if names:
            record.chaos_fault = ", ".join(names)
        return True
