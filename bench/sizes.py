"""How much is measured: in full, or just enough to see that everything runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each group does in one round.

    Attributes:
        rounds: rounds that count, after one that does not.
        one_by_one: messages sent one after the other.
        in_bulk: messages sent with many in flight.
        tasks: tasks worked off with many in flight.
        steps: steps on record of the run that is replayed.
        broadcasts: broadcasts heard by every agent.
        agents: agents that join in one process.
        queued: messages that wait for an agent that is away.
        waiting: ordinary messages that wait when an urgent one comes.
        coded: messages decoded and encoded.
        starts: starts of a Python process in one round.
        lease_seconds: the lease of the process that is killed.
    """

    rounds: int
    one_by_one: int
    in_bulk: int
    tasks: int
    steps: int
    broadcasts: int
    agents: int
    queued: int
    waiting: int
    coded: int
    starts: int
    lease_seconds: float


FULL = Sizes(
    rounds=5,
    one_by_one=1_000,
    in_bulk=10_000,
    tasks=3_000,
    steps=1_000,
    broadcasts=100,
    agents=1_000,
    queued=10_000,
    waiting=1_000,
    coded=20_000,
    starts=5,
    lease_seconds=2.0,
)

QUICK = Sizes(
    rounds=1,
    one_by_one=20,
    in_bulk=100,
    tasks=50,
    steps=20,
    broadcasts=3,
    agents=10,
    queued=50,
    waiting=50,
    coded=100,
    starts=1,
    lease_seconds=0.5,
)
