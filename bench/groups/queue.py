"""Messages that wait for an agent that is away: how fast it works them off when it is back."""

from __future__ import annotations

import hubbub
from bench.places import SENDER
from bench.processes import peer
from bench.rounds import in_flight
from bench.rows import Row, at_most, row
from bench.sizes import Sizes
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import nats_server

__all__ = ["rows"]

_WIDTH = 64


async def rows(sizes: Sizes) -> list[Row]:
    """Measure a queue."""
    rates: list[float] = []
    misplaced: list[float] = []
    for _ in range(sizes.rounds):
        with nats_server() as server:
            async with hubbub.connect(server.url, name=SENDER) as mesh:
                await ensure_streams(mesh.connection)

                async def send(number: int, *, mesh: hubbub.Mesh = mesh) -> None:
                    await mesh.send_direct_message("Worker", str(number))

                await in_flight(_WIDTH, sizes.queued, send)
                async with peer("drain", server.url, sizes.queued) as worker:
                    told = await worker.says()
            rates.append(sizes.queued / told["seconds"])
            misplaced.append(told["misplaced"])
    what = f"{sizes.queued:,} queued for an agent that is away"
    return [
        row(f"{what}, worked off one at a time", "/s", rates, note="from the agent's return on"),
        row(f"{what}, out of order", "", misplaced, goal=at_most(0)),
    ]
