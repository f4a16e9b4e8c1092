"""What happens in one run of the suite, drawn from a seed: the same seed, the same plan."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["AGENTS", "CREWS", "LEASE_SECONDS", "MAX_ATTEMPTS", "Blow", "Job", "Plan", "draw"]

LEASE_SECONDS = 1.0
MAX_ATTEMPTS = 6
SENDERS = 3

AGENTS = {"Mill": 4, "Forge": 1, "Quarry": 2, "Leaf": 3}
"""The agents, each with its concurrency. `Quarry` is sync; `Leaf` gets what others pass on."""

CREWS = (("Mill", "Forge"), ("Mill", "Quarry", "Leaf"), ("Forge", "Quarry", "Leaf"))
"""Which agents each worker process serves: every agent has two processes."""

_WORK = {
    "quick": 30,
    "slow": 12,
    "steps": 15,
    "flaky": 10,
    "fail": 6,
    "reject": 4,
    "handoff": 8,
    "children": 8,
    "block": 8,
    "stall": 2,
    "cancel": 6,
    "tree": 3,
}

_BLOWS = {
    "kill worker": 10,
    "freeze worker": 6,
    "stop worker": 6,
    "kill sender": 6,
    "kill server": 5,
    "freeze server": 3,
    "stop server": 2,
    "kill everything": 1,
}


@dataclass(frozen=True, slots=True)
class Job:
    """A message to be sent.

    Attributes:
        message_id: its id, and that of the task it opens.
        to_agent: who gets it.
        do: what the handler is to do.
        priority: its lane.
        fatal: whether its sender dies while it sends it, the first time.
        cancel_after: seconds after which its sender asks for the end of it.
    """

    message_id: str
    to_agent: str
    do: str
    priority: int
    fatal: bool
    cancel_after: float | None

    @property
    def kind(self) -> str:
        return self.do.split()[0]


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that goes wrong.

    Attributes:
        kind: what.
        after: seconds after the one before.
        seconds: how long it lasts.
        victim: whom it hits, to be taken modulo their number.
        stream: of whose leader, if it hits a server of several.
    """

    kind: str
    after: float
    seconds: float
    victim: int
    stream: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Attributes:
        seed: what it was drawn from.
        jobs: what each sender sends, in this order.
        pause: seconds between two sends of one sender.
        blows: what goes wrong, in this order.
    """

    seed: int
    jobs: tuple[tuple[Job, ...], ...]
    pause: float
    blows: tuple[Blow, ...]

    def all_jobs(self) -> dict[str, Job]:
        """Return the jobs by message id."""
        return {job.message_id: job for jobs in self.jobs for job in jobs}


def draw(seed: int, *, tasks: int, blows: int, clustered: bool = False) -> Plan:
    """Return the plan of a seed.

    Args:
        seed: any number.
        tasks: how many messages are sent; what they pass on comes on top.
        blows: how often something goes wrong.
        clustered: whether there are several servers, which take some seconds to elect a leader.
    """
    chance = random.Random(seed)
    jobs = tuple(
        tuple(_job(chance, f"{seed}-{sender}-{number}") for number in range(sender, tasks, SENDERS))
        for sender in range(SENDERS)
    )
    kinds = chance.choices(list(_BLOWS), list(_BLOWS.values()), k=blows)
    # However short the run is: the server dies in the middle of it.
    kinds[blows // 2] = "kill server"
    if clustered:
        kinds[:: max(2, blows // 4)] = ["kill server" for _ in kinds[:: max(2, blows // 4)]]
    struck = tuple(_blow(chance, kind, clustered) for kind in kinds)
    lasts = sum(blow.after for blow in struck)
    return Plan(seed, jobs, pause=lasts / max(1, len(jobs[0])), blows=struck)


def _job(chance: random.Random, message_id: str) -> Job:
    kind = chance.choices(list(_WORK), list(_WORK.values()))[0]
    agent = chance.choice(["Mill", "Mill", "Forge"])
    amount, cancel_after = "", None
    match kind:
        case "slow":
            amount = f"{chance.uniform(0.1, 0.8):.2f}"
        case "steps":
            amount = str(chance.randint(2, 6))
        case "flaky":
            amount = str(chance.randint(1, 2))
        case "block":
            agent, amount = "Quarry", f"{chance.uniform(0.05, 1.5 * LEASE_SECONDS):.2f}"
        case "stall":
            amount = f"{chance.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS):.2f}"
        case "cancel" | "tree":
            agent, cancel_after = "Mill", chance.uniform(0, 1.5)
        case "quick" | "fail" | "reject":
            agent = chance.choice(["Mill", "Forge", "Quarry"])
        case _:
            pass
    return Job(
        message_id,
        agent,
        f"{kind} {amount}".strip(),
        priority=chance.choice([1, 2, 3, 3, 3, 4, 5]),
        fatal=chance.random() < 0.03,
        cancel_after=cancel_after,
    )


def _blow(chance: random.Random, kind: str, clustered: bool) -> Blow:
    longest = 6.0 if clustered else 2.5
    seconds = chance.uniform(1.2, 2.5) * LEASE_SECONDS
    if kind.endswith("server"):
        seconds = chance.uniform(0, longest)
    return Blow(
        kind,
        after=chance.uniform(0.2, 1.2),
        seconds=seconds,
        victim=chance.randrange(100),
        stream=chance.choice(["INBOX", "TASKS", "NOTICES"]),
    )


def as_json(jobs: tuple[Job, ...]) -> str:
    """Return jobs as text, for the process that sends them."""
    return json.dumps([asdict(job) for job in jobs])


def from_json(text: str) -> list[Job]:
    """Return the jobs that `as_json` wrote."""
    read: list[dict[str, Any]] = json.loads(text)
    return [Job(**facts) for facts in read]
