"""
Names of the files in which processes share their metrics: host and process id.

Containers number their processes alike; in a shared folder two of them would write one file.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from prometheus_client import values


def name_by_host() -> None:
    """Put the host into the files' names; to be called before any metric is made."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return
    host = socket.gethostname().replace("_", "-")  # the collector splits names at underscores
    make: Any = values.MultiProcessValue  # it has no types
    values.ValueClass = make(lambda: f"{host}-{os.getpid()}")
