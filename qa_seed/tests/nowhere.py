"""A destination that keeps drafts instead of storing them, and plans for it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from qa_seed import seeding
from qa_seed.campaigns import CampaignDraft
from qa_seed.drafts import TicketDraft
from qa_seed.people import Colleague
from qa_seed.plan import Plan

NOW = datetime(2026, 11, 24, 14, 37, tzinfo=UTC)


class Nowhere:
    def __init__(self):
        self.created: Counter[str] = Counter()
        self.colleagues: list[Colleague] = []
        self.tickets: list[TicketDraft] = []
        self.campaigns: list[CampaignDraft] = []

    @property
    def by_key(self):
        return {draft.key: draft for draft in self.tickets}

    def add_files(self):
        pass

    def add_staff(self, colleagues):
        self.colleagues += colleagues

    def add_tickets(self, written):
        self.tickets += [one.draft for one in written]

    def load_tickets(self, *_):
        return None

    def add_campaigns(self, drafts, *, by):
        self.campaigns += drafts

    def add_surroundings(self, found, *, now):
        self.surroundings = found

    def refresh_statistics(self):
        pass


def plan(**changes):
    asked = {"users": 8, "tickets": 120, "messages_per_ticket": 5, "campaigns": 3, "seed": 42}
    return Plan(**{**asked, "now": NOW, **changes})


def drafts_of(wanted):
    """Return everything a plan holds."""
    kept = Nowhere()
    seeding.run(wanted, kept, tell=lambda _: None)
    return kept


def digest_of(wanted):
    return seeding.run(wanted, Nowhere(), tell=lambda _: None).digest
