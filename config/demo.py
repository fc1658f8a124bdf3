"""
The demo: the whole system on this machine, from nothing to addresses one can click.

    python -m config.demo          # or: manage.py demo, or: make demo

Private services unless the environment names some, migrations, synthetic data, the processes of
the Procfile, and at the end everything stopped again. Data stays for the next start. No setting is
loaded here, because the addresses in them are only known once the services run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import preparation
from config.embedded import EmbeddedError, Services, folders, running, tether
from config.readiness import NotReady, wait_until_ready
from config.supervisor import Supervisor

PROCFILE: Final = folders.REPOSITORY / "Procfile"
_READY_SECONDS: Final = 120
_LOOPBACK: Final = {"127.0.0.1", "localhost"}
_WELCOME: Final = """
Steadydesk is ready in {seconds:.1f} s.

  Helpdesk    {url}/tickets
  Admin       {url}/admin/
  API docs    {url}/api/v1/docs
  Metrics     {url}/metrics

  Log in as   owner@demo.test   admin@demo.test   agent@demo.test   viewer@demo.test
  Password    demo-pass-123

Ctrl-C stops everything; the data stays for the next start.
"""


class RefusedInProduction(Exception):
    """The demo and its synthetic data have no place there."""

    def __init__(self) -> None:
        super().__init__(
            "ENVIRONMENT=production: the demo and its data are for development and qa."
        )


class PortBusy(Exception):
    """Something listens where the web process should."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"PORT={port} is in use. Stop what listens there, or choose another port: "
            f"make demo PORT={port + 1}"
        )


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line decides."""

    name: str
    port: int
    is_seeded: bool
    is_durable: bool
    only_seed: bool

    @property
    def folder(self) -> Path:
        """What this demo keeps between its starts, and how others find it."""
        return folders.RUN / self.name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options, for `manage.py demo` and for this module."""
    from config import env  # noqa: PLC0415 - refuses a bad variable; the caller words it

    parser.add_argument("--name", default=running.DEMO, help="folder below .run/ (default: demo)")
    parser.add_argument(
        "--port", type=int, default=env.PORT, help=f"web port (default: PORT, {env.PORT})"
    )
    parser.add_argument("--no-seed", action="store_true", help="start without synthetic data")
    parser.add_argument("--throwaway", action="store_true", help="remove the data at the end")
    parser.add_argument("--only-seed", action="store_true", help="seed the demo's data and end")


def run(values: Mapping[str, object]) -> int:
    """Do what a parsed command line says; return the exit code."""
    options = Options(
        name=str(values["name"]),
        port=int(str(values["port"])),
        is_seeded=not values["no_seed"],
        is_durable=not values["throwaway"],
        only_seed=bool(values["only_seed"]),
    )
    try:
        _refuse_production()
        return _seed(options) if options.only_seed else _serve(options)
    except (EmbeddedError, PortBusy, RefusedInProduction, preparation.StepFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _seed(options: Options) -> int:
    """Seed `DATABASE_URL`, else the running demo, else its data with services for that alone."""
    given = running.given_environment()
    published = running.read(options.name)
    if published and not given.get("DATABASE_URL"):
        preparation.seed({**given, **published}, handover=options.folder)
        return 0
    with _services(options) as services:
        env = _environment(options, services)
        preparation.prepare(env, services, is_seeded=True, handover=options.folder)
    return 0


def _serve(options: Options) -> int:
    """Run the system until it is told to stop."""
    started_at = time.monotonic()
    _refuse_busy_port(options.port)
    with _services(options) as services:
        env = _environment(options, services)
        preparation.prepare(env, services, is_seeded=options.is_seeded, handover=options.folder)
        without = set() if "PROVIDER_PORT" in env else {"provider"}
        supervisor = Supervisor(PROCFILE, env=env, without=without)

        def announce() -> bool:
            return _announce(options, env, supervisor.worker_count, started_at)

        try:
            return supervisor.run(announce)
        finally:
            running.remove(options.name)


def _announce(
    options: Options, env: Mapping[str, str], worker_count: int, started_at: float
) -> bool:
    """Say here and to other shells that everything is up; return False when it is not."""
    try:
        wait_until_ready(env, worker_count=worker_count, timeout_seconds=_READY_SECONDS)
    except NotReady as error:
        sys.stderr.write(f"{error}\n")
        return False
    running.write(options.name, {key: env[key] for key in running.PUBLISHED})
    url = f"http://127.0.0.1:{options.port}"
    sys.stdout.write(_WELCOME.format(url=url, seconds=time.monotonic() - started_at))
    sys.stdout.flush()
    return True


@contextmanager
def _services(options: Options) -> Generator[Services]:
    """Have PostgreSQL and Redis for as long as the block runs, whatever ends it."""
    folders.remove_leftovers()
    services = Services(
        options.name, is_durable=options.is_durable, given=running.given_environment()
    )
    signal.signal(signal.SIGTERM, _leave)  # until the supervisor takes over
    services.start()
    try:
        yield services
    finally:
        services.stop()
        if not options.is_durable:
            shutil.rmtree(options.folder, ignore_errors=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _refuse_production() -> None:
    """:raises RefusedInProduction: before anything is migrated or seeded"""
    if os.environ.get("ENVIRONMENT", "").strip() == "production":
        raise RefusedInProduction


def _refuse_busy_port(port: int) -> None:
    """:raises PortBusy: before anything is started"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(port) from error


def _environment(options: Options, services: Services) -> dict[str, str]:
    """Return what every process of this demo sees."""
    given = running.given_environment()
    given.pop("PYTHONDONTWRITEBYTECODE", None)  # nine processes compile the same modules
    env = {
        "PROVIDER_CALLBACK_URL": f"http://127.0.0.1:{options.port}/api/v1/webhooks/provider",
        **given,
        **services.env,
        "PORT": str(options.port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{given.get('PATH', os.defpath)}",
        "PROMETHEUS_MULTIPROC_DIR": str(_empty_folder(options.folder / "metrics")),
        "PYTHONUNBUFFERED": "1",
        # A private demo may run as root; Celery says so once per worker.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
    }
    env.setdefault("PROVIDER_BASE_URL", f"http://127.0.0.1:{folders.free_port()}")
    provider = urlsplit(env["PROVIDER_BASE_URL"])
    if provider.hostname in _LOOPBACK:  # else it is a provider of the user's own
        env["PROVIDER_PORT"] = str(provider.port or 80)
    return env


def _empty_folder(folder: Path) -> Path:
    """Return `folder` without what the processes of an earlier start counted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, and end with `make` when `make` is killed."""
    prctl = tether.prctl_function()
    if prctl is not None and "MAKELEVEL" in os.environ:
        tether.die_with_parent(prctl, os.getppid(), signal.SIGTERM)
    parser = argparse.ArgumentParser(prog="python -m config.demo")
    try:
        add_arguments(parser)
    except ImproperlyConfigured as error:
        parser.error(str(error))
    return run(vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
