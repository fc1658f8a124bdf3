"""A private PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from config.embedded import binaries, folders
from config.embedded.child import Child, tethered
from config.embedded.errors import ServiceDidNotStart

DATABASE: Final = "steadydesk"
_START_SECONDS: Final = 60
_STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0; says "ready" when it serves
# A database that dies with its test run need not survive a power cut.
_THROWAWAY: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    """One server on a free loopback port, with a password, its data in `folder`."""

    def __init__(self, folder: Path, *, password: str, is_durable: bool) -> None:
        self._programs = binaries.postgres_folder()
        self._user = folders.service_user()
        # A newer major version cannot read an older one's files, so each has its own.
        self._data = folder / f"postgres-{self._version()}"
        self._log = folder / "postgres.log"
        self._password, self._is_durable = password, is_durable
        self._child: Child | None = None
        self.port = folders.free_port()

    @property
    def url(self) -> str:
        return f"postgres://postgres:{self._password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """
        Make the data folder if it is new, start the server and wait until it serves.

        :raises ServiceDidNotStart: with the end of its log
        """
        if not (self._data / "PG_VERSION").exists():
            self._create()
        self._drop_stale_lock()
        # SIGQUIT ends it at once, children included; its log replays what was committed.
        self._child = Child(
            "PostgreSQL",
            self._command(),
            log=self._log,
            user=self._user,
            on_orphan=signal.SIGQUIT,
            on_stop=signal.SIGINT,
        )
        self._child.wait_until(self._is_ready, timeout_seconds=_START_SECONDS)

    def stop(self) -> None:
        if self._child:
            self._child.stop()

    def _command(self) -> list[str]:
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "log_min_messages=warning",
            *(() if self._is_durable else _THROWAWAY),
        ]
        flags = [part for option in options for part in ("-c", option)]
        return [str(self._programs / "postgres"), "-D", str(self._data), *flags]

    def _create(self) -> None:
        """Make a cluster and our database beside the final place, then move it there whole."""
        draft = self._data.with_suffix(".draft")
        secret = self._data.with_name("pwfile")
        shutil.rmtree(draft, ignore_errors=True)
        secret.write_text(self._password)
        secret.chmod(0o644)  # inside a folder that only the services' user may enter
        self._run(
            [
                str(self._programs / "initdb"),
                *("-D", str(draft), "-U", "postgres", "--pwfile", str(secret)),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"),
            ]
        )
        secret.unlink()
        single = [str(self._programs / "postgres"), "--single", "-D", str(draft), "postgres"]
        self._run(single, typed=f"CREATE DATABASE {DATABASE}\n")
        draft.rename(self._data)

    def _run(self, command: list[str], *, typed: str = "") -> None:
        """Run one preparing command as the services' user."""
        with self._log.open("ab") as output:
            done = subprocess.run(  # noqa: S603 - our own command line
                tethered(command, user=self._user),
                input=typed.encode(),
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
            )
        if done.returncode != 0:
            raise ServiceDidNotStart("PostgreSQL", self._log)

    def _version(self) -> str:
        """Return the major version of the programs: 15 of `postgres (PostgreSQL) 15.18 (…)`."""
        command = [str(self._programs / "postgres"), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return answer.stdout.split(") ")[1].split(".")[0].strip()

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            len(lines) > _STATUS_LINE
            and lines[0] == str(self.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _drop_stale_lock(self) -> None:
        """
        Remove the lock of a server that is gone; we own the folder, so nobody else's is meant.

        Its number may belong to another process by now, which would stop PostgreSQL's own check.
        """
        lock = self._data / "postmaster.pid"
        deadline = time.monotonic() + 10
        while lock.exists():
            is_alive = self._runs_here(lock.read_text().split("\n", 1)[0])
            if not is_alive or time.monotonic() > deadline:
                lock.unlink(missing_ok=not is_alive)
                return
            time.sleep(0.05)  # an orphan of a killed demo is still ending

    def _runs_here(self, pid: str) -> bool:
        try:
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return str(self._data).encode() in command_line
