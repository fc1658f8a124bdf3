"""Run an experiment and say in the exit code whether its hypothesis held."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from chaos import guard
from chaos.experiments import definition, reports, runner
from chaos.experiments.clock import Clock
from chaos.experiments.journal import AnotherRun
from chaos.experiments.signals import ending_the_run
from chaos.services import Actor


class ShowingClock(Clock):
    """Moves a line on a terminal while a run waits."""

    def __init__(self, stream: Any, *, total_seconds: float) -> None:
        self._stream, self._total = stream, total_seconds
        self._began = self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, showing how much of the expected time has passed."""
        if self._stream.isatty():
            passed = self.monotonic() - self._began
            filled = int(30 * min(1.0, passed / self._total))
            bar = "█" * filled + "░" * (30 - filled)
            self._stream.write(f"\r{bar}  {passed:.0f} s of about {self._total:.0f} s ")
            self._stream.flush()
        super().sleep(seconds)


class Command(BaseCommand):
    help = (
        "Run an experiment by name or from a file. Exit codes: 0 passed, 3 deviated, "
        "4 inconclusive (no call was hit), 5 aborted, interrupted or not started."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="a name, or a path that ends in .toml")
        parser.add_argument("--list", action="store_true", help="show the experiments there are")
        parser.add_argument("--format", choices=list(reports.RENDERERS), default="text")
        parser.add_argument("--output", metavar="FILE", help="write the report there instead")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["list"]:
            self._list()
            return
        if not options["name"]:
            raise CommandError("Name an experiment, or use --list.", returncode=2)
        run = self._run(options["name"])
        self._report(run, style=options["format"], path=options["output"])
        sys.exit(reports.exit_code(run))

    def _list(self) -> None:
        for name in definition.names():
            self.stdout.write(f"{name:24} {definition.load(name).title}")

    def _run(self, name: str) -> Any:
        try:
            experiment = definition.load(name)
            total = experiment.observe_seconds + 10
            clock = ShowingClock(sys.stderr, total_seconds=total)
            with ending_the_run():
                return runner.run(experiment, actor=_actor(), clock=clock)
        except (definition.UnknownExperiment, definition.InvalidExperiment) as error:
            raise CommandError(str(error), returncode=2) from error
        except (AnotherRun, guard.ChaosForbidden, DatabaseError) as error:
            raise CommandError(str(error), returncode=5) from error
        finally:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")

    def _report(self, run: Any, *, style: str, path: str | None) -> None:
        text = reports.render(run, style)
        if path is None:
            self.stdout.write(text, ending="")
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
        self.stdout.write(reports.summary(run))


def _actor() -> Actor:
    return Actor(name=f"experiment:{getpass.getuser()}")
