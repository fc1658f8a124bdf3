"""One run of the seed: oldest ticket first, in batches, so that memory does not grow with size."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final, Protocol

from helpdesk.models import Ticket
from qa_seed import bulk, digest
from qa_seed.campaigns import CampaignDraft, campaign
from qa_seed.conversations import Author
from qa_seed.desk import Desk
from qa_seed.lines import Written, write
from qa_seed.people import Colleague
from qa_seed.plan import ANCHOR_AGE, Plan
from qa_seed.surroundings import Surroundings, surroundings

TICKETS_PER_BATCH: Final = 500


class Destination(Protocol):
    """Where drafts go: `store.Store` or `rehearsal.Rehearsal`."""

    created: Counter[str]

    def add_files(self) -> None: ...
    def add_staff(self, colleagues: list[Colleague]) -> None: ...
    def add_tickets(self, written: list[Written]) -> None: ...
    def load_tickets(
        self, plan: Plan, numbers: Iterator[int], tell: Callable[[int], None]
    ) -> int | None:
        """Add all tickets at once and return their digest, or None where that cannot be done."""

    def add_campaigns(self, drafts: list[CampaignDraft], *, by: Colleague) -> None: ...
    def add_surroundings(self, found: Surroundings, *, now: datetime) -> None: ...
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
    desk = Desk(plan)
    destination.add_files()
    destination.add_staff(desk.colleagues)
    total = sum(map(digest.of_staff, desk.colleagues))
    author = Author(plan, desk)
    total += _add_tickets(plan, author, destination, tell)
    campaigns = [campaign(plan, index) for index in range(plan.campaigns)]
    destination.add_campaigns(campaigns, by=desk.colleagues[0])
    total += sum(map(digest.of_campaign, campaigns))
    around = surroundings(plan, author, desk.colleagues[: plan.users])
    destination.add_surroundings(around, now=plan.now)
    total += sum(map(digest.of_hook, around.hooks)) + sum(map(digest.of_act, around.acts))
    if destination.created.total():
        destination.refresh_statistics()
    return Outcome(destination.created, digest.text(total))


def _add_tickets(
    plan: Plan, author: Author, destination: Destination, tell: Callable[[int], None]
) -> int:
    """Add every ticket and return their digest."""
    opened = array("d", (author.opened_at(n).timestamp() for n in range(plan.all_tickets)))
    loaded = destination.load_tickets(plan, bulk.oldest_first(opened), tell)
    if loaded is not None:
        return loaded
    total = 0
    for numbers in batched(bulk.oldest_first(opened), TICKETS_PER_BATCH):
        written = [write(author.ticket(number)) for number in numbers]
        destination.add_tickets(written)
        total += sum(one.fingerprint for one in written)
        tell(len(written))
    return total
