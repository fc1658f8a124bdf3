"""Write the Prometheus rules of the objectives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slo import rules, selectors, services

DEFAULT_OUTPUT = "monitoring/prometheus/rules/slos.yml"


class Command(BaseCommand):
    help = "Write recording rules and alerts for the enabled objectives to a Prometheus rule file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add where to write and whence to read."""
        parser.add_argument("--output", default=DEFAULT_OUTPUT, help="a file, or - for stdout")
        parser.add_argument(
            "--defaults", action="store_true", help="of the settings' objectives, not the stored"
        )
        parser.add_argument("--check", action="store_true", help="fail if the file would change")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the file, or compare with it."""
        stored = not options["defaults"]
        objectives = selectors.list_enabled() if stored else services.unsaved_default_objectives()
        text = rules.as_yaml(rules.groups(objectives))
        if options["output"] == "-":
            sys.stdout.write(text)
        elif options["check"]:
            self._compare(Path(options["output"]), text)
        else:
            Path(options["output"]).write_text(text, encoding="utf-8")
            self.stdout.write(f"{options['output']}: {len(objectives)} objectives")

    def _compare(self, path: Path, text: str) -> None:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise CommandError(f"{path} is not what the objectives say: run manage.py slo_rules.")
