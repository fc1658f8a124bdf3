"""A private Redis."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from config.embedded import binaries, folders
from config.embedded.child import Child

_START_SECONDS: Final = 30


class Redis:
    """One server on a free loopback port, with a password, its data in `folder`."""

    def __init__(self, folder: Path, *, password: str, is_durable: bool) -> None:
        self._program = binaries.redis_program()
        self._folder, self._log = folder, folder / "redis.log"
        self._password, self._is_durable = password, is_durable
        self._child: Child | None = None
        self.port = folders.free_port()

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """
        Start the server and wait until it has read its data and answers.

        :raises ServiceDidNotStart: with the end of its log
        """
        configuration = self._folder / "redis.conf"
        configuration.write_text(self._configuration())
        configuration.chmod(0o644)  # inside a folder that only the services' user may enter
        self._child = Child(
            "Redis",
            [str(self._program), str(configuration)],
            log=self._log,
            user=folders.service_user(),
        )
        self._child.wait_until(self._is_ready, timeout_seconds=_START_SECONDS)

    def stop(self) -> None:
        if self._child:
            self._child.stop()

    def _configuration(self) -> str:
        """Return the settings as a file: a password on a command line is everybody's."""
        return "\n".join(
            [
                f"port {self.port}",
                "bind 127.0.0.1",
                f"requirepass {self._password}",
                f'dir "{self._folder}"',
                f"appendonly {'yes' if self._is_durable else 'no'}",
                'save ""',
                "databases 16",
                "loglevel warning",
                "",
            ]
        )

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False
