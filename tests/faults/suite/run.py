"""One run: workers and senders under chaos, until all is worked off, and the ledger of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import hubbub
from hubbub import HubbubError, NATSConfig
from hubbub.testing import Cluster

from .chaos import Chaos, Servers
from .journal import Journal, read_journal
from .ledger import Ledger, audit, read_books
from .members import Member
from .plan import CREWS, LEASE_SECONDS, MAX_ATTEMPTS, Plan, as_json

__all__ = ["Outcome", "run"]

_LOOK_AGAIN_SECONDS = 0.2
_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        ledger: the account.
        report: the same, with what was done to the processes, as text.
    """

    ledger: Ledger
    report: str


async def run(plan: Plan, servers: Servers, folder: Path, *, patience: float = 60.0) -> Outcome:
    """Carry out a plan.

    Args:
        plan: what happens.
        servers: on which server or cluster; its streams are used up.
        folder: for the journal and the logs of the processes.
        patience: seconds after the last blow in which everything must have been worked off.
    """
    began = time.monotonic()
    journal = folder / "journal"
    clustered = isinstance(servers, Cluster)
    url = servers.urls if clustered else servers.url
    replicas = min(3, len(servers.servers)) if clustered else 1
    settings = {
        "NATS_URL": url,
        "HUBBUB_REPLICAS": str(replicas),
        "HUBBUB_LEASE_SECONDS": str(LEASE_SECONDS),
        "HUBBUB_HEARTBEAT_SECONDS": "1",
        "HUBBUB_RETRY_SECONDS": "0.02",
        "HUBBUB_MAX_ATTEMPTS": str(MAX_ATTEMPTS),
        "HUBBUB_GRACE_SECONDS": "0.3",
        "HUBBUB_LOG_DIR": "",
    }
    workers = [
        Member(
            "worker", str(journal), *crew, settings=settings, log=folder / f"worker-{number}.log"
        )
        for number, crew in enumerate(CREWS)
    ]
    senders = [
        Member(
            "sender",
            str(journal),
            f"Sender-{number}",
            str(plan.pause),
            settings=settings,
            log=folder / f"sender-{number}.log",
            given=as_json(jobs),
        )
        for number, jobs in enumerate(plan.jobs)
    ]
    chaos = Chaos(workers, senders, servers, Journal(journal))
    config = NATSConfig(nats_url=url, replicas=replicas, log_dir=None)
    async with hubbub.connect(config=config) as mesh:
        working = [asyncio.create_task(member.keep()) for member in workers]
        sending = [asyncio.create_task(member.keep()) for member in senders]
        try:
            await _ready(journal, len(workers))
            await chaos.rage(plan.blows)
            struck = time.monotonic()

            async def look() -> Ledger:
                try:
                    books = await read_books(mesh)
                except HubbubError as error:
                    return Ledger(wrong=[str(error)])
                return audit(plan, books, read_journal(journal))

            while True:
                ledger = await look()
                over = all(task.done() for task in sending) and not ledger.wrong
                if over or time.monotonic() > struck + patience:
                    break
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            settled = time.monotonic()
            for member in workers:
                member.let_go()
            await asyncio.wait(working, timeout=10)
            # What zombies and late redeliveries may do, they have done by now.
            ledger = await look()
        finally:
            for member in (*workers, *senders):
                member.let_go()
            for task in (*working, *sending):
                task.cancel()
            await asyncio.gather(*working, *sending, return_exceptions=True)
    if any(not task.done() for task in sending):
        ledger.wrong.append("a sender is not done")
    blows = ", ".join(f"{kind} {number}" for kind, number in sorted(chaos.dealt.items()))
    place = f"a cluster of {len(servers.servers)}" if clustered else "one server"
    report = (
        f"seed {plan.seed}, {len(plan.all_jobs())} messages on {place}, "
        f"{settled - began:.0f} s, settled {settled - struck:.1f} s after the last blow\n"
        f"  blows: {blows}\n"
        f"  starts: workers {[member.starts for member in workers]}, "
        f"senders {[member.starts for member in senders]}\n{ledger}"
    )
    return Outcome(ledger, report)


async def _ready(journal: Path, workers: int) -> None:
    """Wait until the workers are at work, so that the blows hit something."""
    async with asyncio.timeout(_READY_SECONDS):
        while sum(facts["what"] == "ready" for facts in read_journal(journal)) < workers:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
