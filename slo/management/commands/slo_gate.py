"""Judge the objectives and say it in the exit code."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils import timezone

from slo import durations, gate, reports
from slo.errors import SourceUnavailable, UnknownObjective


def duration(text: str) -> timedelta:
    """
    Return the duration an option names.

    :raises argparse.ArgumentTypeError: when it names none
    """
    try:
        return durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def natural(text: str) -> int:
    """
    Return the number of samples an option names, at least 1.

    :raises argparse.ArgumentTypeError: when it names none
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of samples from 1 up")
    return int(text)


def share(text: str) -> float:
    """
    Return the share an option names, at least 0.

    :raises argparse.ArgumentTypeError: when it names none
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.01")
    return value


class Command(BaseCommand):
    help = (
        "Judge the objectives. Exit codes: 0 all met, 3 an objective missed or regressed, 4 not "
        "enough data (no objective at all included), 5 source unavailable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to judge, over which time, from which counts, and how to say it."""
        add = parser.add_argument
        add("--window", type=duration, help="the last 60s, 5m, 1h …; default: each its own")
        add("--snapshot", metavar="FILE", help="only write the present counts to FILE")
        add("--since-snapshot", metavar="FILE", default="", help="count since that snapshot")
        add("--before", metavar="FILE", default="", help="/metrics page or snapshot: the start")
        add("--after", metavar="FILE", default="", help="/metrics page or snapshot: the end")
        add("--url", default="", help="the /metrics page to read the present counts from")
        add("--objective", metavar="NAME", action="append", default=[], help="only this one")
        add("--allow-no-data", metavar="NAME", action="append", default=[], help="may be unused")
        add("--min-samples", type=natural, default=1, help="fewer are not enough data (default 1)")
        add("--format", choices=list(reports.RENDERERS), default="text")
        add("--output", metavar="FILE", help="write the report there and a summary here")
        add("--baseline", metavar="FILE", default="", help="earlier JSON report to compare with")
        add(
            "--max-worse-relative",
            type=share,
            default=gate.Margins.relative,
            metavar="SHARE",
            help="how much more may be bad than in the baseline, relatively (default %(default)s)",
        )
        add(
            "--max-worse-absolute",
            type=share,
            default=gate.Margins.absolute,
            metavar="SHARE",
            help="and in shares of all events; both must be exceeded (default %(default)s)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Judge, report, exit."""
        if bool(options["before"]) != bool(options["after"]):
            raise CommandError("--before and --after go together.", returncode=2)
        if options["snapshot"]:
            self._write_snapshot(options)
            return
        try:
            outcome = gate.judge(_question(options), now=timezone.now())
        except UnknownObjective as error:
            raise CommandError(f"There is no enabled objective {error}.", returncode=2) from error
        self._report(outcome, style=options["format"], path=options["output"])
        sys.exit(outcome.exit_code)

    def _write_snapshot(self, options: dict[str, Any]) -> None:
        try:
            gate.write_snapshot(options["snapshot"], now=timezone.now(), url=options["url"])
        except (SourceUnavailable, DatabaseError) as error:
            raise CommandError(str(error), returncode=gate.SOURCE_UNAVAILABLE) from error
        self.stdout.write(options["snapshot"])

    def _report(self, outcome: gate.Outcome, *, style: str, path: str | None) -> None:
        text = reports.render(outcome, style)
        if path is None:
            self.stdout.write(text, ending="")
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
        self.stdout.write(reports.as_text(outcome), ending="")


def _question(options: dict[str, Any]) -> gate.Question:
    return gate.Question(
        names=options["objective"],
        window=options["window"],
        url=options["url"],
        since_snapshot=options["since_snapshot"],
        before=options["before"],
        after=options["after"],
        min_samples=options["min_samples"],
        allowed_without_data=options["allow_no_data"],
        baseline=options["baseline"],
        margins=gate.Margins(
            relative=options["max_worse_relative"], absolute=options["max_worse_absolute"]
        ),
    )
