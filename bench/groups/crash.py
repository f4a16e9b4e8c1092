"""A crash: `kill -9` of the process that works on a task, until another one starts on it.

Both processes serve the same agent. The kill comes at a different moment of the lease's renewal
each time.
"""

from __future__ import annotations

import asyncio
import time

import hubbub
from bench.places import SENDER
from bench.processes import Peer, peer
from bench.rows import Row, at_most, row
from bench.sizes import Sizes
from hubbub.testing import nats_server

__all__ = ["rows"]


async def rows(sizes: Sizes) -> list[Row]:
    """Measure crashes."""
    lease = sizes.lease_seconds
    seconds = [
        await _redelivery(lease, kill_after=lease * (0.2 + 0.17 * number))
        for number in range(sizes.rounds)
    ]
    return [
        row(
            f"kill -9 to redelivery elsewhere, lease {lease:g} s",
            "s",
            seconds,
            goal=at_most(lease + 1),
        )
    ]


async def _redelivery(lease: float, *, kill_after: float) -> float:
    with nats_server() as server:
        async with (
            hubbub.connect(server.url, name=SENDER) as mesh,
            peer("sleeper", server.url, lease) as one,
            peer("sleeper", server.url, lease) as other,
        ):
            started = {asyncio.create_task(each.says()): each for each in (one, other)}
            await mesh.send_direct_message("Sleeper", "Take your time")
            done, waiting = await asyncio.wait(started, return_when=asyncio.FIRST_COMPLETED)
            victim: Peer = started[done.pop()]
            await asyncio.sleep(kill_after)
            killed = time.monotonic()
            await victim.kill()
            told = await waiting.pop()
            return told["started"] - killed
