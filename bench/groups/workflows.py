"""Workflows: how many runs a second, how soon the first event, and what it costs to run again.

A run says one text and makes one step. It counts when its completion has reached the sender, who is
another process, and has sent its start form. The run that is replayed rests at a question behind
many steps; from its answer to its end it is claimed again, its log is read, and its function runs
from the top.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from nats.aio.msg import Msg

import hubbub
from bench.fastagency_place import installed
from bench.places import SENDER
from bench.processes import peer, running
from bench.rounds import in_flight, repeated, taking_turns
from bench.rows import Row, at_most, row
from bench.sizes import QUICK, Sizes
from hubbub import AgentMessage, Mesh
from hubbub.testing import nats_server
from hubbub.wire.ids import new_id

__all__ = ["rows"]

_WIDTH = 32
_PEER = Path(__file__).parents[1] / "fastagency_peer.py"
_PARAMS = {"params": {"name": "Ada"}}


async def rows(sizes: Sizes) -> list[Row]:
    """Measure workflows."""
    with nats_server() as server:
        async with (
            peer("workflows", server.url, _WIDTH),
            hubbub.connect(server.url, name=SENDER) as mesh,
        ):
            async with _sender(mesh) as run:
                runs = await _runs(sizes, run)
            first = await repeated(sizes.rounds, lambda: _first_event(mesh, sizes))
            replay = await repeated(sizes.rounds, lambda: _replay(mesh, sizes))
    return [
        runs,
        row("start of a workflow run to its first event, p50", "ms", first),
        row(
            f"replay of {sizes.steps:,} recorded steps, answer to end",
            "ms",
            replay,
            goal=at_most(500),
        ),
    ]


async def _runs(sizes: Sizes, run: Callable[[int], Awaitable[None]]) -> Row:
    async def ours() -> float:
        return await in_flight(_WIDTH, sizes.tasks // 2, run)

    name = f"workflow runs, {_WIDTH} in flight"
    # A run of theirs takes many times as long as one of ours.
    fewer = max(1, sizes.tasks // 30)
    if sizes is QUICK:
        rates = await repeated(sizes.rounds, ours)
        return row(name, "/s", rates, note="FastAgency is not part of a quick run")
    async with installed() as place:
        if place is None:
            rates = await repeated(sizes.rounds, ours)
            return row(name, "/s", rates, note="FastAgency 0.10 cannot be installed")
        python, url = place
        async with (
            running(python, str(_PEER), "worker", url),
            running(python, str(_PEER), "sender", url, str(_WIDTH)) as sender,
        ):

            async def theirs() -> float:
                await sender.tell(str(fewer))
                return (await sender.says())["rate"]

            both = await taking_turns(sizes.rounds, ours, theirs)
    return row(name, "/s", *both, against="runs of FastAgency 0.10 over its NATS adapter")


async def _first_event(mesh: Mesh, sizes: Sizes) -> float:
    taken: list[float] = []
    for _ in range(sizes.one_by_one // 10):
        began = time.perf_counter()
        handle = await mesh.send_direct_message("Run", "", metadata=_PARAMS)
        async with contextlib.aclosing(handle.events()) as events:
            async for event in events:
                assert event.kind == "claimed"
                taken.append((time.perf_counter() - began) * 1_000)
                break
        await handle.result()
    return statistics.median(taken)


async def _replay(mesh: Mesh, sizes: Sizes) -> float:
    handle = await mesh.send_direct_message(
        "Long-Run", "", metadata={"params": {"steps": sizes.steps}}
    )
    async with contextlib.aclosing(handle.events()) as events:
        async for event in events:
            if event.kind == "parked":
                break
        ended = asyncio.create_task(handle.result())
        began = time.perf_counter()
        await handle.answer("yes")
        await ended
    return (time.perf_counter() - began) * 1_000


@contextlib.asynccontextmanager
async def _sender(mesh: Mesh) -> AsyncGenerator[Callable[[int], Awaitable[None]]]:
    """Yield a function that starts a run and waits for its completion."""
    waiting: dict[str, asyncio.Future[None]] = {}

    async def on_completion(raw: Msg) -> None:
        message = AgentMessage.from_bytes(raw.data)
        future = waiting.pop(message.in_reply_to or "", None)
        if future is not None:
            assert message.content == "done"
            future.set_result(None)

    async def run(_: int) -> None:
        task = new_id()
        waiting[task] = future = asyncio.get_running_loop().create_future()
        await mesh.send_direct_message("Run", "", metadata=_PARAMS, message_id=task)
        await future

    mine = mesh.connection.layout.done(SENDER.lower())
    async with mesh.connection.subscription(mine, on_completion):
        yield run
