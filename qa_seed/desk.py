"""Who works at the desk, and who gets how much of it."""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate, batched
from typing import Final

from helpdesk.access import ALLOWED, Right, Role
from qa_seed.people import Colleague, colleague
from qa_seed.plan import Plan

_LOAD_FALLS_BY: Final = 0.7  # the n-th busiest agent has n**-0.7 of the busiest one's tickets


class Desk:
    """The colleagues of a plan, by teams."""

    def __init__(self, plan: Plan) -> None:
        self.colleagues = [colleague(plan, index) for index in range(plan.all_users)]
        self._tickets_per_team = plan.tickets
        teams = [Team(list(members)) for members in batched(self.colleagues, plan.users)]
        # Chance may make a team of people who only watch: the first one works for it.
        self._teams = [team if team.can_answer else teams[0] for team in teams]

    def team_of(self, ticket_index: int) -> Team:
        """Return the team whose ticket this is."""
        return self._teams[ticket_index // self._tickets_per_team]


class Team:
    """Colleagues who share tickets, unequally."""

    def __init__(self, members: list[Colleague]) -> None:
        able = [person for person in members if _answers(person)]
        # Agents first: managers lend a hand, they do not carry the queue.
        self._answering = sorted(able, key=lambda person: person.role != Role.AGENT)
        loads = (n**-_LOAD_FALLS_BY for n in range(1, len(able) + 1))
        self._sums = list(accumulate(loads))

    @property
    def can_answer(self) -> bool:
        return bool(self._answering)

    def assign(self, dice: random.Random) -> Colleague:
        """Return who takes the next ticket."""
        return self._answering[bisect(self._sums, dice.random() * self._sums[-1])]


def _answers(person: Colleague) -> bool:
    return person.is_active and person.role != Role.OWNER and Right.WRITE in ALLOWED[person.role]
