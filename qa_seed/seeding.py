"""One run of the seed: oldest ticket first, in batches, so that memory does not grow with size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final, Protocol

from helpdesk.models import Ticket
from qa_seed.campaigns import CampaignDraft, campaign
from qa_seed.conversations import Author, TicketDraft
from qa_seed.desk import Desk
from qa_seed.digest import Digest
from qa_seed.people import Colleague
from qa_seed.plan import ANCHOR_AGE, Plan

TICKETS_PER_BATCH: Final = 500


class Destination(Protocol):
    """Where drafts go: `store.Store` or `rehearsal.Rehearsal`."""

    created: Counter[str]

    def add_files(self) -> None: ...
    def add_staff(self, colleagues: list[Colleague]) -> None: ...
    def add_tickets(self, drafts: list[TicketDraft]) -> None: ...
    def add_campaigns(self, drafts: list[CampaignDraft], *, by: Colleague) -> None: ...
    def refresh_statistics(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run created, by plural noun, and the digest of all that its plan holds."""

    created: Counter[str]
    digest: str

    @property
    def is_empty(self) -> bool:
        return not self.created.total()


def remembered_now(seed: int) -> datetime | None:
    """Return the `now` of the run that began this seed's history, or None if there was none."""
    key = f"qa:{seed}:0"
    opened_at = Ticket.objects.filter(seed_key=key).values_list("created_at", flat=True).first()
    return opened_at + ANCHOR_AGE if opened_at else None


def run(plan: Plan, destination: Destination, *, tell: Callable[[int], None]) -> Outcome:
    """
    Put everything that `plan` holds into `destination`; return what is new there.

    Tickets go in by age, so that numbers and ids rise with time as in a desk that lived them.
    `tell` is called with the number of tickets of each finished batch.
    """
    desk, digest = Desk(plan), Digest()
    destination.add_files()
    destination.add_staff(desk.colleagues)
    digest.add_staff(desk.colleagues)
    for drafts in _batches(plan, desk):
        destination.add_tickets(drafts)
        digest.add_tickets(drafts)
        tell(len(drafts))
    campaigns = [campaign(plan, index) for index in range(plan.campaigns)]
    destination.add_campaigns(campaigns, by=desk.colleagues[0])
    digest.add_campaigns(campaigns)
    if destination.created.total():
        destination.refresh_statistics()
    return Outcome(destination.created, digest.text())


def _batches(plan: Plan, desk: Desk) -> Iterator[list[TicketDraft]]:
    author = Author(plan, desk)
    oldest_first = sorted(range(plan.tickets), key=lambda n: author.opened_at(n).timestamp())
    for numbers in batched(oldest_first, TICKETS_PER_BATCH):
        yield [author.ticket(number) for number in numbers]
