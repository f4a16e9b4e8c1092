"""Run the benchmarks: `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.groups import (
    broadcast,
    codec,
    crash,
    crowd,
    demo,
    imports,
    priority,
    queue,
    requests,
    server,
    stored,
    synadia,
    tasks,
    workflows,
)
from bench.machine import Machine
from bench.places import clear_environment
from bench.report import print_table, write_json
from bench.rows import Row
from bench.sizes import FULL, QUICK, Sizes
from hubbub.cli.running import run_async

__all__ = ["main"]

RESULTS = Path(__file__).with_name("results")

GROUPS: dict[str, Callable[[Sizes], Awaitable[list[Row]]]] = {
    "requests": requests.rows,
    "synadia": synadia.rows,
    "stored": stored.rows,
    "tasks": tasks.rows,
    "workflows": workflows.rows,
    "broadcast": broadcast.rows,
    "queue": queue.rows,
    "priority": priority.rows,
    "crowd": crowd.rows,
    "codec": codec.rows,
    "imports": imports.rows,
    "server": server.rows,
    "demo": demo.rows,
    "crash": crash.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only see that everything runs; the figures say little"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="GROUP", choices=GROUPS, default=list(GROUPS),
        help=f"some groups: {', '.join(GROUPS)}",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the JSON goes")
    arguments = parser.parse_args()

    clear_environment()
    sizes = QUICK if arguments.quick else FULL
    at, machine = datetime.now(UTC), Machine.here()
    print(machine, f"median of {sizes.rounds}, (lowest-highest)", sep="\n", flush=True)
    rows: list[Row] = []
    for name in arguments.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += run_async(_group(name, sizes))
    print()
    print_table(rows)
    path = arguments.json or RESULTS / f"{at:%Y-%m-%dT%H%M%S}.json"
    write_json(path, rows, machine=machine, sizes=sizes, at=at)
    print(f"\nAs JSON: {path}")


async def _group(name: str, sizes: Sizes) -> list[Row]:
    return await GROUPS[name](sizes)


if __name__ == "__main__":
    main()
