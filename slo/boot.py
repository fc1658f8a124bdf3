"""
When the counters began at zero.

Processes that share a directory of metric files share one beginning, written there by whoever
comes first; emptying the directory is a new beginning. Without a directory every process has its
own.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from django.conf import settings

_PROCESS_STARTED_SECONDS: Final = time.time()
_FILE_NAME: Final = "slo.boot"


def began_seconds() -> float:
    """Return the epoch seconds at which this machine's counters were last zero."""
    directory = shared_directory()
    return _PROCESS_STARTED_SECONDS if directory is None else _shared_beginning(directory)


def shared_directory() -> Path | None:
    """Return the directory of prometheus_client's files, None outside multiprocess mode."""
    configured = getattr(settings, "SLO", {}).get("MULTIPROC_DIR")
    return Path(configured) if configured and Path(configured).is_dir() else None


def _shared_beginning(directory: Path) -> float:
    marker = directory / _FILE_NAME
    if not marker.exists():
        # Linked into place, so nobody reads half a number and only the first writer wins.
        draft = directory / f"{_FILE_NAME}.{os.getpid()}"
        draft.write_text(f"{time.time():.6f}", encoding="ascii")
        try:
            os.link(draft, marker)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    return float(marker.read_text(encoding="ascii"))
