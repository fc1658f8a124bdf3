"""`manage.py seed_qa`: fill the database with a helpdesk that looks lived in."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from qa_seed import backfill, handover, seeding, wiping
from qa_seed.backfill import BackfillRefused
from qa_seed.guard import ProductionRefused, refuse_production
from qa_seed.people import DEMO_LOGINS, PASSWORD
from qa_seed.plan import ImpossiblePlan, Plan
from qa_seed.progress import bar
from qa_seed.rehearsal import Rehearsal
from qa_seed.store import Store
from slo import services

DEFAULT_SEED: Final = 42
DEFAULT_CAMPAIGNS: Final = 3


class Command(BaseCommand):
    help = (
        "Create synthetic users, tickets, messages, attachments and campaigns: the same for the "
        "same seed, safe to repeat, refused in production. Defaults come from QA_SYNTHETIC_USERS, "
        "QA_SYNTHETIC_TICKETS and QA_SYNTHETIC_MESSAGES_PER_TICKET."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        defaults = settings.QA_SEED
        add = parser.add_argument
        add("--users", type=int, default=defaults["USERS"], metavar="N")
        add("--tickets", type=int, default=defaults["TICKETS"], metavar="N")
        add(
            "--messages-per-ticket", type=float, default=defaults["MESSAGES_PER_TICKET"],
            metavar="MEAN", help="mean length of a conversation; lengths follow a power law",
        )  # fmt: skip
        add(
            "--scale", type=int, default=1, metavar="N",
            help="so many times the users and the tickets; holds all that a smaller scale holds",
        )  # fmt: skip
        add("--campaigns", type=int, default=DEFAULT_CAMPAIGNS, metavar="N")
        add(
            "--seed", type=int, default=DEFAULT_SEED, metavar="N", help="another seed, another desk"
        )
        add(
            "--now", metavar="TIME",
            help="the moment history ends, such as 2026-11-24T12:00:00Z (default: that of the "
            "run that began this seed's history, else the current minute)",
        )  # fmt: skip
        add(
            "--accounts", type=Path, metavar="FILE",
            help="then write who may log in, as the JSON that k6 reads from K6_USERS",
        )  # fmt: skip
        add("--ids", type=Path, metavar="FILE", help="then write ids of tickets and campaigns")
        add(
            "--with-metrics", type=Path, metavar="DIR",
            help="then write 30 days of synthetic metrics as Prometheus blocks into DIR, a "
            "server's data folder or one to be moved there (needs promtool)",
        )  # fmt: skip
        add("--wipe", action="store_true", help="remove every synthetic row and file, then stop")
        add("--dry-run", action="store_true", help="count what would be created, write nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            refuse_production(settings.QA_SEED["ENVIRONMENT"])
            if options["wipe"]:
                _refuse_beside_wipe(options)
                self._wipe()
            else:
                self._fill(_plan(options), options)
        except (ProductionRefused, ImpossiblePlan, BackfillRefused) as error:
            raise CommandError(str(error)) from error

    def _fill(self, plan: Plan, options: dict[str, Any]) -> None:
        blocks: Path | None = options["with_metrics"]
        if blocks:  # asked before anything is written
            backfill.refuse(blocks, plan)
        self._seed(plan, is_rehearsal=options["dry_run"])
        self._hand_over(options["accounts"], options["ids"])
        if blocks and not options["dry_run"]:
            self._back_fill(blocks, plan)

    def _wipe(self) -> None:
        self.stdout.write(f"Removed {_listed(wiping.wipe())}.")

    def _seed(self, plan: Plan, *, is_rehearsal: bool) -> None:
        began = time.monotonic()
        destination = Rehearsal() if is_rehearsal else Store()
        with bar(sys.stderr, total=plan.all_tickets, noun="tickets") as shown:
            outcome = seeding.run(plan, destination, tell=shown.advance)
        verb = "Would create" if is_rehearsal else "Created"
        self.stdout.write(f"{verb} {_listed(outcome.created)} in {time.monotonic() - began:.1f} s.")
        if outcome.is_empty:
            self.stdout.write("0 created: everything was there already.")
        self.stdout.write(f"Seed {plan.seed}, history until {plan.now:%Y-%m-%dT%H:%M:%SZ}.")
        self.stdout.write(f"Digest {outcome.digest}")
        logins = ", ".join(email for email, _, _ in DEMO_LOGINS)
        self.stdout.write(f"Log in as {logins}; the password of all is {PASSWORD}")

    def _back_fill(self, folder: Path, plan: Plan) -> None:
        when = backfill.moments(plan.now, real_now=timezone.now())
        objectives = services.unsaved_default_objectives()
        with bar(sys.stderr, total=len(when), noun="samples of each metric") as shown:
            count = backfill.write(folder, plan, when, objectives, tell=shown.advance)
        self.stdout.write(
            f"{count} blocks of synthetic metrics are new in {folder}, "
            f"from {when[0]:%Y-%m-%d} to {when[-1]:%Y-%m-%dT%H:%M:%SZ}."
        )

    def _hand_over(self, accounts: Path | None, ids: Path | None) -> None:
        if accounts:
            self.stdout.write(f"{handover.write_accounts(accounts)} accounts are in {accounts}")
        if ids:
            handover.write_ids(ids)
            self.stdout.write(f"Ids are in {ids}")


def _refuse_beside_wipe(options: dict[str, Any]) -> None:
    for option in ("dry_run", "with_metrics"):
        if options[option]:
            flag = option.replace("_", "-")
            raise CommandError(f"--wipe and --{flag} together make no sense; choose one.")


def _plan(options: dict[str, Any]) -> Plan:
    return Plan(
        seed=options["seed"],
        users=options["users"],
        tickets=options["tickets"],
        messages_per_ticket=options["messages_per_ticket"],
        campaigns=options["campaigns"],
        scale=options["scale"],
        now=_now(options["now"], options["seed"]),
    )


def _now(given: str | None, seed: int) -> datetime:
    """Return when history ends, in UTC."""
    if given is None:
        return seeding.remembered_now(seed) or timezone.now().replace(second=0, microsecond=0)
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(
            f"--now {given!r} is not a time with zone, such as 2026-11-24T12:00:00Z."
        )
    return moment.astimezone(timezone.get_default_timezone())


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {noun}" for noun, count in counts.items()) or "nothing"
