"""
Processes that write tickets as COPY text, so that PostgreSQL and the grammar work side by side.

A process starts without Django's models: they are imported once `_begin` has set Django up. Each
holds what every batch needs; a batch goes in as numbers and comes back as text.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import django

if TYPE_CHECKING:
    from qa_seed.conversations import Author
    from qa_seed.plan import Plan

MOST_PROCESSES: Final = 4
_AHEAD: Final = 2  # finished batches that may wait for each process: memory stays flat


@dataclass(frozen=True, slots=True)
class Task:
    """Which tickets to write, in order; the first of them gets the id `first_ticket_id`."""

    numbers: tuple[int, ...]
    first_ticket_id: int


@dataclass(frozen=True, slots=True)
class Text:
    """A batch as COPY text; parts hold the place of their message in it, in place of its id."""

    contacts: str
    tickets: str
    messages: str
    attachments: list[tuple[int, str]]
    dead_letters: list[tuple[int, str]]
    counts: dict[str, int]
    digest: int


class Desk:
    """One writer of tickets: a process has one, and so may whoever wants no process."""

    def __init__(self, plan: Plan, user_ids: Mapping[str, int], first_contact_id: int) -> None:
        from qa_seed import conversations, desk  # noqa: PLC0415 - needs Django's models

        self._author: Author = conversations.Author(plan, desk.Desk(plan))
        self._user_ids = user_ids
        self._first_contact_id = first_contact_id

    def write(self, task: Task) -> Text:
        """Return the tickets of a task, and the contacts who are theirs first."""
        from qa_seed.lines import Scribe, write  # noqa: PLC0415 - needs Django's models

        scribe, contacts, digest = Scribe(self._user_ids), list[str](), 0
        for ticket_id, number in enumerate(task.numbers, start=task.first_ticket_id):
            written = write(self._author.ticket(number))
            contact_id = self._first_contact_id + written.draft.customer_index
            scribe.add(written, ticket_id=ticket_id, contact_id=contact_id)
            digest += written.fingerprint
            if written.draft.customer_index == number:  # whoever else comes back to it
                contacts.append(f"{contact_id}\t{written.contact}")
        batch = scribe.batch
        return Text(
            contacts=_text(contacts),
            tickets=_text(batch.tickets),
            messages=_text(batch.messages),
            attachments=batch.attachments,
            dead_letters=batch.dead_letters,
            counts={**batch.counts, "contacts": len(contacts)},
            digest=digest,
        )


def processes() -> int:
    """Return how many processes this machine has work for."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def write_all(
    tasks: Iterable[Task],
    plan: Plan,
    user_ids: Mapping[str, int],
    *,
    first_contact_id: int,
    count: int,
) -> Iterator[Text]:
    """Write `tasks` in `count` processes, or here if that is 0; yield them in their order."""
    given = (plan, dict(user_ids), first_contact_id)
    if not count:
        yield from map(Desk(*given).write, tasks)
        return
    # Forked processes would share our connection; new ones know nothing of it.
    with ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=given
    ) as pool:
        waiting: deque[Future[Text]] = deque()
        for task in tasks:
            waiting.append(pool.submit(_write, task))
            if len(waiting) > count * _AHEAD:
                yield waiting.popleft().result()
        yield from (found.result() for found in waiting)


_desk: Desk | None = None


def _begin(plan: Plan, user_ids: Mapping[str, int], first_contact_id: int) -> None:
    global _desk  # noqa: PLW0603 - a process has no other memory between its tasks
    django.setup()
    gc.disable()  # drafts hold no cycles, and looking for some takes a tenth of the time
    _desk = Desk(plan, user_ids, first_contact_id)


def _write(task: Task) -> Text:
    if _desk is None:
        raise RuntimeError("the process was not begun")
    return _desk.write(task)


def _text(lines: list[str]) -> str:
    return "\n".join([*lines, ""])
