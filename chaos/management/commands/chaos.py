"""Faults from the command line: `manage.py chaos list|inject|clear|stop`."""

from __future__ import annotations

import getpass
import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chaos import catalog, guard, lever, selectors, services

_REFUSALS = (
    catalog.InvalidFault,
    services.TooManyFaults,
    services.LeverPulled,
    guard.ChaosForbidden,
)


class Command(BaseCommand):
    help = "List, arm and clear faults. The audit notes who ran it."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="show the active faults")
        inject = actions.add_parser("inject", help="arm a fault")
        inject.add_argument("target", choices=list(catalog.CATALOGUE))
        inject.add_argument("mode")
        inject.add_argument(
            "--ttl", type=int, default=catalog.DEFAULT_TTL_SECONDS, metavar="SECONDS"
        )
        inject.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="pairs")
        inject.add_argument("--reason", default="")
        clear = actions.add_parser("clear", help="clear one fault")
        clear.add_argument("id", type=UUID)
        clear.add_argument("--reason", default="")
        stop = actions.add_parser("stop", help="clear every fault")
        stop.add_argument("--reason", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except _REFUSALS as error:
            raise CommandError(str(error)) from error
        except services.FaultGone as error:
            raise CommandError(f"No active fault {error}.") from error

    def _list(self, _options: dict[str, Any]) -> None:
        faults = list(selectors.active_faults(now=timezone.now()))
        for fault in faults:
            left = f"{fault.remaining_seconds} s left"
            self.stdout.write(f"{fault.pk}  {fault}  {left}  {json.dumps(fault.metadata)}")
        if lever.is_pulled():
            self.stdout.write(f"Everything is stopped: {lever.file()} exists.")
        elif not faults:
            self.stdout.write("No fault is active.")

    def _inject(self, options: dict[str, Any]) -> None:
        fault = services.inject_fault(
            target=options["target"],
            mode=options["mode"],
            ttl_seconds=options["ttl"],
            metadata=_metadata(options["pairs"], options["reason"]),
            actor=_actor(),
            now=timezone.now(),
        )
        self.stdout.write(f"{fault.pk}  {fault}  {fault.ttl_seconds} s")

    def _clear(self, options: dict[str, Any]) -> None:
        services.clear_fault(
            fault_id=options["id"], actor=_actor(), now=timezone.now(), reason=options["reason"]
        )
        self.stdout.write(f"Cleared {options['id']}.")

    def _stop(self, options: dict[str, Any]) -> None:
        cleared = services.clear_all(actor=_actor(), now=timezone.now(), reason=options["reason"])
        self.stdout.write(f"Cleared {cleared}.")


def _actor() -> services.Actor:
    return services.Actor(name=f"command:{getpass.getuser()}")


def _metadata(pairs: list[str], reason: str) -> dict[str, Any]:
    """Return `KEY=VALUE` pairs as metadata; a value that reads as JSON is JSON, else text."""
    metadata: dict[str, Any] = {"reason": reason} if reason else {}
    for pair in pairs:
        key, separator, raw = pair.partition("=")
        if not separator:
            raise CommandError(f"--set {pair}: write it as KEY=VALUE.")
        try:
            metadata[key] = json.loads(raw)
        except json.JSONDecodeError:
            metadata[key] = raw
    return metadata
