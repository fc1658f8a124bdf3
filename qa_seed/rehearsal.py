"""A store that writes nothing: `--dry-run` counts with it what a run would create."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from helpdesk.models import Message
from qa_seed import furnish, store
from qa_seed.campaigns import CampaignDraft
from qa_seed.lines import Written
from qa_seed.people import Colleague, Customer
from qa_seed.surroundings import Surroundings


class Rehearsal:
    """Counts in `created` what `Store` would create; see there."""

    def __init__(self) -> None:
        self.created: Counter[str] = Counter(dict.fromkeys(store.COUNTED, 0))
        self._promised: set[int] = set()  # contacts counted already, by customer number

    def add_files(self) -> None:
        """Files are not counted: they are shared and few."""

    def add_staff(self, colleagues: list[Colleague]) -> None:
        self.created["users"] += len(store.missing_staff(colleagues))

    def add_tickets(self, written: list[Written]) -> None:
        missing = [one.draft for one in store.missing_tickets(written)]
        said = [message for draft in missing for message in draft.messages]
        self._count_contacts({draft.customer_index: draft.customer for draft in missing})
        self.created.update(
            {
                "tickets": len(missing),
                "messages": len(said),
                "attachments": sum(message.document is not None for message in said),
                "dead letters": sum(m.status == Message.Status.FAILED for m in said),
            }
        )

    def load_tickets(self, *_: object) -> None:
        """Counting has no faster way."""

    def _count_contacts(self, customers: dict[int, Customer]) -> None:
        new = {index: who for index, who in customers.items() if index not in self._promised}
        known = store.known_contacts(new.values())
        self.created["contacts"] += sum(who.address not in known for who in new.values())
        self._promised.update(new)

    def add_campaigns(self, drafts: list[CampaignDraft], *, by: Colleague) -> None:
        for draft in store.missing_campaigns(drafts):
            self._count_contacts({r.customer_index: r.customer for r in draft.recipients})
            self.created.update({"campaigns": 1, "recipients": len(draft.recipients)})

    def add_surroundings(self, found: Surroundings, *, now: datetime) -> None:
        hooks = furnish.missing_hooks(found.hooks)
        self.created.update(
            {
                "webhook endpoints": len(hooks),
                "deliveries": sum(len(hook.deliveries) for hook in hooks),
                "settings": len(furnish.missing_settings()),
                "audit entries": len(furnish.missing_acts(found.acts)),
            }
        )
        if self.created.total():
            self.created["days"] += len(furnish.missing_days(now))

    def refresh_statistics(self) -> None:
        """Nothing changed, so the planner knows all there is."""
