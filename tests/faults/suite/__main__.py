"""`make faults`: the fault suite at full size, each seed on one server and on a cluster of three.

make faults ARGS=--seed=7
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from hubbub.testing import nats_cluster, nats_server

from .plan import draw
from .run import Outcome, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument(
        "--seed", type=int, action="append", help="repeat this run; may be repeated"
    )
    parser.add_argument("--seeds", type=int, default=4, help="how many seeds are drawn (4)")
    parser.add_argument("--tasks", type=int, default=300, help="messages in a run (300)")
    parser.add_argument("--blows", type=int, default=40, help="how often something breaks (40)")
    parser.add_argument("--on", choices=["server", "cluster", "both"], default="both")
    asked = parser.parse_args()
    seeds: list[int] = asked.seed or [random.randrange(100_000) for _ in range(asked.seeds)]
    places = ["server", "cluster"] if asked.on == "both" else [asked.on]
    folder = Path(tempfile.mkdtemp(prefix="hubbub-faults-"))
    wrong = 0
    for seed in seeds:
        for place in places:
            here = folder / f"{place}-{seed}"
            here.mkdir()
            outcome = _run(seed, place, asked.tasks, asked.blows, here)
            print(outcome.report, flush=True)
            wrong += bool(outcome.ledger.wrong)
    print(f"{wrong} of {len(seeds) * len(places)} runs went wrong; logs and journals: {folder}")
    return 1 if wrong else 0


def _run(seed: int, place: str, tasks: int, blows: int, folder: Path) -> Outcome:
    if place == "server":
        plan = draw(seed, tasks=tasks, blows=blows)
        with nats_server() as server:
            return asyncio.run(run(plan, server, folder))
    # A leader is elected in seconds, and each of them is one more in the run.
    plan = draw(seed, tasks=tasks, blows=blows // 2, clustered=True)
    with nats_cluster() as cluster:
        return asyncio.run(run(plan, cluster, folder, patience=90))


if __name__ == "__main__":
    sys.exit(main())
