"""Who works at the desk, and who gets how much of it."""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate
from typing import Final

from helpdesk.access import ALLOWED, Right, Role
from qa_seed.people import Colleague, colleague
from qa_seed.plan import Plan

_LOAD_FALLS_BY: Final = 0.7  # the n-th busiest agent has n**-0.7 of the busiest one's tickets


class Desk:
    """The colleagues of a plan; those who may answer tickets share them unequally."""

    def __init__(self, plan: Plan) -> None:
        self.colleagues = [colleague(plan, index) for index in range(plan.users)]
        able = [person for person in self.colleagues if _answers(person)]
        # Agents first: managers lend a hand, they do not carry the queue.
        self._answering = sorted(able, key=lambda person: person.role != Role.AGENT)
        loads = (n**-_LOAD_FALLS_BY for n in range(1, len(able) + 1))
        self._sums = list(accumulate(loads))

    def assign(self, dice: random.Random) -> Colleague:
        """Return who takes the next ticket."""
        return self._answering[bisect(self._sums, dice.random() * self._sums[-1])]


def _answers(person: Colleague) -> bool:
    return person.is_active and person.role != Role.OWNER and Right.WRITE in ALLOWED[person.role]
