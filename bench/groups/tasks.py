"""Tasks from end to end: sent, stored, claimed, handled, logged, reported, acknowledged.

The worker is a process of its own with a handler that does nothing. A task counts when its
completion has reached the sender. The bare worker makes the same five writes by hand, without
envelope, decoding, leases or priorities.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from nats.aio.msg import Msg

import hubbub
from bench.places import SENDER, bare_client, declare_twin
from bench.processes import peer
from bench.rounds import in_flight, one_by_one, repeated, taking_turns
from bench.rows import Row, at_least, at_most, row
from bench.sizes import Sizes
from hubbub import AgentMessage, Mesh
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import nats_server
from hubbub.wire.ids import new_id

__all__ = ["rows"]

_WIDTH = 32
_IDLE_SECONDS = 0.002

_FASTAGENCY_RUNS = 220.0
"""Workflow runs a second of FastAgency, measured once; it is not part of this run."""

Do = Callable[[int], Awaitable[object]]


async def rows(sizes: Sizes) -> list[Row]:
    """Measure tasks."""
    with nats_server() as server:
        async with hubbub.connect(server.url, name=SENDER) as mesh:
            await ensure_streams(mesh.connection)
            await declare_twin(mesh, "BARE_INBOX", "bare.inbox", of="INBOX")
            await declare_twin(mesh, "BARE_LOGS", "bare.log", of="TASKS")
            await declare_twin(mesh, "BARE_DONE", "bare.done", of="NOTICES")
            async with _sender(mesh) as ours, _bare_sender(server.url) as theirs:
                many = await _rates(server.url, sizes, ours, theirs, slots=_WIDTH)
                one = await _rates(server.url, sizes, ours, theirs, slots=1)
                logged = await _logged_rate(server.url, sizes, ours)
                whole, start = await _latencies(server.url, sizes, ours)
    return [
        row(
            f"tasks, {_WIDTH} slots, {_WIDTH} in flight",
            "/s",
            many[0],
            [_FASTAGENCY_RUNS] * len(many[0]),
            against="FastAgency, a constant",
            goal=at_least(10, of="ratio"),
        ),
        row(
            f"tasks, {_WIDTH} slots, {_WIDTH} in flight",
            "/s",
            *many,
            against="the same writes by hand",
        ),
        row(
            f"tasks, one at a time, {_WIDTH} in flight",
            "/s",
            *one,
            against="the same writes by hand",
            goal=at_least(900),
        ),
        row(f"tasks, {_WIDTH} slots, with the activity log", "/s", logged),
        row("task from send to completion, idle agent, p50", "ms", whole),
        row("send to handler start, idle agent, p50", "ms", start, goal=at_most(5)),
    ]


async def _rates(
    url: str, sizes: Sizes, ours: Do, theirs: Do, *, slots: int
) -> tuple[list[float], list[float]]:
    total = sizes.tasks if slots > 1 else sizes.tasks // 3
    async with peer("worker", url, slots), peer("worker_bare", url, slots):
        return await taking_turns(
            sizes.rounds,
            lambda: in_flight(_WIDTH, total, ours),
            lambda: in_flight(_WIDTH, total, theirs),
        )


async def _logged_rate(url: str, sizes: Sizes, ours: Do) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="hubbub-") as folder:
        async with peer("worker", url, _WIDTH, folder):
            return await repeated(sizes.rounds, lambda: in_flight(_WIDTH, sizes.tasks, ours))


async def _latencies(
    url: str, sizes: Sizes, ours: Callable[[int], Awaitable[AgentMessage]]
) -> tuple[list[float], list[float]]:
    starts: list[float] = []

    async def one(number: int) -> None:
        completion = await ours(number)
        assert isinstance(completion.content, int)
        starts.append(completion.content / 1e6)

    async def start() -> float:
        starts.clear()
        for number in range(sizes.one_by_one // 2):
            await one(number)
            await asyncio.sleep(_IDLE_SECONDS)
        return statistics.median(starts)

    async with peer("worker", url, 1):
        whole = await repeated(sizes.rounds, lambda: one_by_one(sizes.one_by_one // 2, ours))
        return whole, await repeated(sizes.rounds, start)


@contextlib.asynccontextmanager
async def _sender(mesh: Mesh) -> AsyncGenerator[Callable[[int], Awaitable[AgentMessage]]]:
    """Yield a function that sends a task and waits for its completion."""
    waiting: dict[str, asyncio.Future[AgentMessage]] = {}

    async def on_completion(raw: Msg) -> None:
        message = AgentMessage.from_bytes(raw.data)
        future = waiting.pop(message.in_reply_to or "", None)
        if future is not None:
            future.set_result(message)

    async def do(_: int) -> AgentMessage:
        task = new_id()
        waiting[task] = future = asyncio.get_running_loop().create_future()
        await mesh.send_direct_message("Worker", str(time.monotonic_ns()), message_id=task)
        return await future

    mine = mesh.connection.layout.done(SENDER.lower())
    async with mesh.connection.subscription(mine, on_completion):
        yield do


@contextlib.asynccontextmanager
async def _bare_sender(url: str) -> AsyncGenerator[Do]:
    """Yield a function that does the same with nats-py alone."""
    waiting: dict[bytes, asyncio.Future[None]] = {}

    async def on_completion(raw: Msg) -> None:
        future = waiting.pop(raw.data, None)
        if future is not None:
            future.set_result(None)

    async with bare_client(url) as client:
        stream = client.jetstream(timeout=30)
        payload = b"x" * 400

        async def do(_: int) -> None:
            task = new_id()
            waiting[task.encode()] = future = asyncio.get_running_loop().create_future()
            await stream.publish("bare.inbox.worker", payload, headers={"Nats-Msg-Id": task})
            await future

        await client.subscribe("bare.done.bench", cb=on_completion)
        yield do
