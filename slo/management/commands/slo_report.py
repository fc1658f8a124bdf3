"""Tell how the objectives stand, without judging the caller."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from slo import gate, reports
from slo.errors import UnknownObjective
from slo.management.commands.slo_gate import duration


class Command(BaseCommand):
    help = "Tell how the objectives stand. Exits 0 unless the counts cannot be read (5)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add over which time, of which objectives, and how to say it."""
        add = parser.add_argument
        add("--window", type=duration, help="the last 60s, 5m, 1h …; default: each its own")
        add("--url", default="", help="the /metrics page to read the present counts from")
        add("--objective", metavar="NAME", action="append", default=[], help="only this one")
        add("--format", choices=["text", "json", "markdown"], default="text")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the report."""
        question = gate.Question(
            names=options["objective"], window=options["window"], url=options["url"]
        )
        try:
            outcome = gate.judge(question, now=timezone.now())
        except UnknownObjective as error:
            raise CommandError(f"There is no enabled objective {error}.", returncode=2) from error
        if outcome.error:
            raise CommandError(outcome.error, returncode=gate.SOURCE_UNAVAILABLE)
        self.stdout.write(reports.render(outcome, options["format"]), ending="")
