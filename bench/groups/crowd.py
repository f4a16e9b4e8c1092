"""Many agents in one process: how long they take to join, and what each costs in memory."""

from __future__ import annotations

from bench.processes import memory_kib, peer
from bench.rows import Row, at_most, row
from bench.sizes import Sizes
from hubbub.testing import nats_server

__all__ = ["rows"]


async def rows(sizes: Sizes) -> list[Row]:
    """Measure a crowd; every round has a new process and a new server."""
    seconds: list[float] = []
    in_client: list[float] = []
    in_server: list[float] = []
    for _ in range(sizes.rounds):
        with nats_server() as server:
            async with peer("crowd", server.url, sizes.agents) as crowd:
                before = memory_kib(server.pid)
                told = await crowd.says()
                seconds.append(told["seconds"])
                in_client.append(told["kib_each"])
                in_server.append((memory_kib(server.pid) - before) / sizes.agents)
    return [
        row(f"{sizes.agents:,} agents join in one process", "s", seconds, goal=at_most(10)),
        row("memory of an agent, client", "KiB", in_client, goal=at_most(100)),
        row("memory of an agent, server", "KiB", in_server),
    ]
