"""
Private PostgreSQL and Redis for a machine that was told of none.

They listen on free loopback ports, keep their data in one folder, and end with the process that
started them, even when that process is killed. Nothing here needs Django or a setting, so the
test plugin can run before either is loaded (docs/adr/0011).
"""

from config.embedded.errors import (
    DataFolderBusy,
    EmbeddedError,
    ServiceDidNotStart,
    ServiceMissing,
)
from config.embedded.services import Services

__all__ = [
    "DataFolderBusy",
    "EmbeddedError",
    "ServiceDidNotStart",
    "ServiceMissing",
    "Services",
]
