"""What was asked for, and the names by which the seed knows its own rows again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Tickets and campaigns carry it in `seed_key`; nothing else in the product starts like this.
KEY_PREFIX: Final = "qa:"
STAFF_DOMAIN: Final = "equipe.demo.test"
EMAIL_DOMAIN: Final = "clientes.example.com"
WEB_DOMAIN: Final = "clientes.example.org"

HISTORY_DAYS: Final = 120
# Ticket 0 was opened exactly this long before the plan's `now`, so a later run finds the same
# `now` again and continues the same history.
ANCHOR_AGE: Final = timedelta(minutes=45)


class ImpossiblePlan(Exception):
    """The numbers asked for contradict each other or themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    How much of everything, seen from `now`; equal plans make equal rows on any machine.

    `users` and `tickets` are those of one team; `scale` says how many teams there are. Tickets are
    shared within their team, so a desk of more teams holds the whole of the smaller one.
    """

    seed: int
    users: int
    tickets: int
    messages_per_ticket: float
    campaigns: int
    now: datetime
    scale: int = 1

    def __post_init__(self) -> None:
        for fact, is_true in (
            ("at least 4 users are needed: the demo logins", self.users >= 4),  # noqa: PLR2004
            ("tickets and campaigns cannot be negative", min(self.tickets, self.campaigns) >= 0),
            ("a ticket has from 1 to 1000 messages", 1 <= self.messages_per_ticket <= 1000),  # noqa: PLR2004
            ("the seed is a whole number from 0 to 2^63-1", 0 <= self.seed < 2**63),
            ("the scale is 1 or more", self.scale >= 1),
            ("now needs a time zone", self.now.tzinfo is not None),
        ):
            if not is_true:
                raise ImpossiblePlan(f"{fact[0].upper()}{fact[1:]}.")

    @property
    def all_users(self) -> int:
        return self.users * self.scale

    @property
    def all_tickets(self) -> int:
        return self.tickets * self.scale

    def ticket_key(self, index: int) -> str:
        return f"{KEY_PREFIX}{self.seed}:{index}"

    def campaign_key(self, index: int) -> str:
        return f"{KEY_PREFIX}{self.seed}:campaign:{index}"
