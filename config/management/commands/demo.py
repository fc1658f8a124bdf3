"""`manage.py demo`: the whole system on this machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import demo


class Command(BaseCommand):
    help = (
        "Run the whole system here: private PostgreSQL and Redis (unless DATABASE_URL and "
        "REDIS_URL name others), web, workers, scheduler and provider simulator."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        demo.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(demo.run(options))
