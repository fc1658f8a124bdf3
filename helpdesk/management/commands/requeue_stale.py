"""`manage.py requeue_stale`: ring what is due and was not heard."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from helpdesk.services import campaign_news, recovery

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Put messages and provider events that are due, and that no job runs for, on the queue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="keep sweeping, and send each queue its canary every 10 s, until SIGTERM",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["every"] is None:
            rung = recovery.sweep(now=timezone.now())
            self.stdout.write(f"{rung} jobs put on the queue.")
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        _Sweeper(stopping, every_seconds=options["every"]).run()


class _Sweeper:
    """The loop: it outlives any fault of PostgreSQL or Redis."""

    def __init__(self, stopping: threading.Event, *, every_seconds: float) -> None:
        self._stopping = stopping
        self._every_seconds = every_seconds
        # Workers that boot beside us take a while: a canary sent before them would only be late.
        self._canaries_due = timezone.now() + recovery.FIRST_CANARY_AFTER
        self._canaries_started = False

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._beat()
            except DatabaseError as error:
                logger.warning("sweep failed, trying again: %s", error)
                close_old_connections()
            self._stopping.wait(self._every_seconds)

    def _beat(self) -> None:
        now = timezone.now()
        if not self._canaries_started:
            recovery.start_canaries(now=now)
            self._canaries_started = True
        recovery.sweep(now=now)
        campaign_news.tell_changed(now=now)
        if now >= self._canaries_due:
            recovery.send_canaries(now=now)
            recovery.forget_expired(now=now)
            self._canaries_due = now + recovery.CANARY_EVERY
