"""PostgreSQL and Redis together: whichever the environment does not name is started."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from config.embedded import folders
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis


class Services:
    """
    The services called `name`, started for this process and ended with it.

    `is_durable=False` is for tests: no file is flushed and the folder goes at `stop`.
    """

    def __init__(
        self, name: str, *, is_durable: bool = True, given: Mapping[str, str] = os.environ
    ) -> None:
        self.name, self.is_durable = name, is_durable
        self._given = {
            key: given[key] for key in ("DATABASE_URL", "REDIS_URL") if given.get(key, "").strip()
        }
        self._lock: IO[str] | None = None
        self.folder: Path | None = None
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None

    @property
    def env(self) -> dict[str, str]:
        """`DATABASE_URL` and `REDIS_URL`, given or started."""
        started = {}
        if self.postgres:
            started["DATABASE_URL"] = self.postgres.url
        if self.redis:
            started["REDIS_URL"] = self.redis.url
        return {**self._given, **started}

    def start(self) -> None:
        """
        Start what the environment does not name; what comes up first is stopped on failure.

        Call it from the main thread: the services end when the thread that started them does.

        :raises EmbeddedError: naming what is missing, busy or broken
        """
        if len(self._given) == 2:  # noqa: PLR2004 - both
            return
        self.folder = folders.data_folder(self.name)
        self._lock = folders.claim(self.folder)
        try:
            self._start_missing(self.folder, password=self._password(self.folder))
        except BaseException:  # Ctrl-C too: no server may be left behind
            self.stop()
            raise

    def _start_missing(self, folder: Path, *, password: str) -> None:
        if "DATABASE_URL" not in self._given:
            self.postgres = Postgres(folder, password=password, is_durable=self.is_durable)
            self.postgres.start()
        if "REDIS_URL" not in self._given:
            self.redis = Redis(folder, password=password, is_durable=self.is_durable)
            self.redis.start()

    def stop(self) -> None:
        """Stop what `start` started; harmless when nothing runs."""
        for server in (self.redis, self.postgres):
            if server:
                server.stop()
        self.postgres = self.redis = None
        if self._lock:
            self._lock.close()
            self._lock = None
            if not self.is_durable and self.folder:
                shutil.rmtree(self.folder.parent, ignore_errors=True)

    @staticmethod
    def _password(folder: Path) -> str:
        """Return the folder's own password, made once: loopback is shared by all users here."""
        place = folder / "password"
        if not place.exists():
            place.touch(mode=0o600)
            place.write_text(secrets.token_hex(16))
        return place.read_text()
