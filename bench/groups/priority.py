"""Priority: how long an urgent message waits behind a thousand others, and what lanes cost.

The other side is one consumer on one stream, first in first out, as nats-py's manual shows it.
"""

from __future__ import annotations

import time

import hubbub
from bench.places import SENDER, bare_client, declare_twin
from bench.processes import peer
from bench.rounds import in_flight, taking_turns
from bench.rows import Row, row
from bench.sizes import Sizes
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import nats_server
from hubbub.wire.subjects import LANES

__all__ = ["rows"]

_WIDTH = 64
_HANDLER_SECONDS = 0.002
_ORDINARY = "0"
_AGAINST = "a plain consumer, first in first out"


async def rows(sizes: Sizes) -> list[Row]:
    """Measure priority; every round has a new server."""
    wait = await taking_turns(
        sizes.rounds, lambda: _our_wait(sizes.waiting), lambda: _their_wait(sizes.waiting)
    )
    rate = await taking_turns(
        sizes.rounds, lambda: _our_rate(sizes.queued), lambda: _their_rate(sizes.queued)
    )
    handler = f"handler of {_HANDLER_SECONDS * 1e3:g} ms"
    return [
        row(
            f"urgent message behind {sizes.waiting:,} others, send to start, {handler}",
            "ms",
            *wait,
            against=_AGAINST,
        ),
        row(
            f"{sizes.queued:,} messages in five lanes, pulled and acknowledged one by one",
            "/s",
            *rate,
            against=_AGAINST,
        ),
    ]


async def _our_wait(waiting: int) -> float:
    with nats_server() as server:
        async with hubbub.connect(server.url, name=SENDER) as mesh:
            await ensure_streams(mesh.connection)

            async def send(_: int) -> None:
                await mesh.send_direct_message("Worker", _ORDINARY)

            await in_flight(_WIDTH, waiting, send)
            async with peer("urgent", server.url, _HANDLER_SECONDS) as worker:
                await worker.says()  # it is in the middle of the ordinary ones
                await mesh.send_direct_message("Worker", str(time.monotonic_ns()), priority=1)
                told = await worker.says()
                await worker.kill()
    return told["ms"]


async def _their_wait(waiting: int) -> float:
    with nats_server() as server:
        async with (
            hubbub.connect(server.url, name=SENDER) as mesh,
            bare_client(server.url) as client,
        ):
            await declare_twin(mesh, "BARE_INBOX", "bare.inbox", of="INBOX")
            stream = client.jetstream(timeout=30)

            async def send(_: int) -> None:
                await stream.publish("bare.inbox.worker", _ORDINARY.encode())

            await in_flight(_WIDTH, waiting, send)
            async with peer("urgent_bare", server.url, _HANDLER_SECONDS) as worker:
                await worker.says()
                await stream.publish("bare.inbox.worker", str(time.monotonic_ns()).encode())
                told = await worker.says()
                await worker.kill()
    return told["ms"]


async def _our_rate(queued: int) -> float:
    with nats_server() as server:
        async with hubbub.connect(server.url, name=SENDER) as mesh:
            await ensure_streams(mesh.connection)

            async def send(number: int) -> None:
                lane = LANES[number % len(LANES)]
                await mesh.send_direct_message("Worker", _ORDINARY, priority=lane)

            await in_flight(_WIDTH, queued, send)
            async with peer("lanes", server.url, queued) as worker:
                told = await worker.says()
    return queued / told["seconds"]


async def _their_rate(queued: int) -> float:
    with nats_server() as server:
        async with (
            hubbub.connect(server.url, name=SENDER) as mesh,
            bare_client(server.url) as client,
        ):
            await declare_twin(mesh, "BARE_INBOX", "bare.inbox", of="INBOX")
            stream = client.jetstream(timeout=30)
            payload = b"x" * 400

            async def send(_: int) -> None:
                await stream.publish("bare.inbox.worker", payload)

            await in_flight(_WIDTH, queued, send)
            async with peer("fifo", server.url, queued) as worker:
                told = await worker.says()
                await worker.kill()
    return queued / told["seconds"]
