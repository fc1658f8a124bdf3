"""Which protection each experiment watches, and how it is taken away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.bench.experiments.chosen import VARIABLE


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One experiment that must deviate, because the desk lacks a protection."""

    experiment: str
    without: str
    how: str
    removal: str = ""  # a name of `removals.REMOVALS`
    env: Mapping[str, str] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()  # processes that are frozen
    start: str = ""  # proofs of one start share a system, whose lacks do not meet; "" lacks nothing


def environment(proofs: Iterable[Proof]) -> dict[str, str]:
    """Return what a system that lacks all their protections is started with."""
    made: dict[str, str] = {}
    removals = []
    for proof in proofs:
        made |= proof.env
        removals += [proof.removal] if proof.removal else []
    if not removals:
        return made
    module = "tests.bench.experiments.settings"
    return {**made, VARIABLE: ",".join(removals), "DJANGO_SETTINGS_MODULE": module}


PROOFS: Final = (
    Proof(
        experiment="redis-down",
        without="the sweeper",
        how="its process gets SIGSTOP",
        stopped=("sweeper",),
    ),
    Proof(
        experiment="redis-down",
        without="the cache that fails openly",
        how="what Redis raises is not caught",
        removal="fail-open",
        start="answers",
    ),
    Proof(
        experiment="provider-429-storm",
        without="retries",
        how="`MAX_ATTEMPTS` 1",
        removal="retries",
        start="limits",
    ),
    Proof(
        experiment="provider-down",
        without="the circuit breaker",
        how="`BREAKER_FAILURES` never reached",
        removal="breaker",
        start="answers",
    ),
    Proof(
        experiment="provider-ambiguous",
        without="the idempotency key",
        how="each call carries a new one",
        removal="key",
        start="facts",
    ),
    Proof(
        experiment="postgres-flap",
        without="503 and `Retry-After`",
        how="a lost database is an error like any other",
        removal="retry-after",
        start="facts",
    ),
    Proof(
        experiment="worker-kill",
        without="redelivery and the sweeper",
        how="`acks_late` and `reject_on_worker_lost` off, the sweeper gets SIGSTOP",
        removal="redelivery",
        start="facts",
        stopped=("sweeper",),
    ),
    Proof(
        experiment="latency-200ms",
        without="threads",
        how="`WEB_THREADS` 1, `WEB_PROCESSES` 1",
        env={"WEB_THREADS": "1", "WEB_PROCESSES": "1"},
        start="limits",
    ),
)
