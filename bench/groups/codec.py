"""The codec beside the client library: processor time for a message of 1 KiB.

Ours is to decode a message and encode it again; theirs is what nats-py spends to publish such a
message and to hand it to a subscriber. The server's time is in neither.
"""

from __future__ import annotations

import asyncio
import time

from nats.aio.msg import Msg

from bench.places import SENDER, bare_client
from bench.rounds import taking_turns
from bench.rows import Row, row
from bench.sizes import Sizes
from hubbub import AgentMessage
from hubbub.testing import nats_server

__all__ = ["rows"]

_BYTES = 1024


async def rows(sizes: Sizes) -> list[Row]:
    """Measure the codec."""
    data = _message_of(_BYTES).to_bytes()
    heard = asyncio.Semaphore(0)

    async def on_message(_: Msg) -> None:
        heard.release()

    with nats_server() as server:
        async with bare_client(server.url) as sender, bare_client(server.url) as hearer:
            await hearer.subscribe("bare.codec", cb=on_message)
            await hearer.flush()

            async def ours() -> float:
                began = time.process_time()
                for _ in range(sizes.coded):
                    AgentMessage.from_bytes(data).to_bytes()
                return (time.process_time() - began) / sizes.coded * 1e6

            async def theirs() -> float:
                began = time.process_time()
                for _ in range(sizes.coded):
                    await sender.publish("bare.codec", data)
                for _ in range(sizes.coded):
                    await heard.acquire()
                return (time.process_time() - began) / sizes.coded * 1e6

            found = await taking_turns(sizes.rounds, ours, theirs)
    return [
        row(
            "decode and encode a message of 1 KiB",
            "µs",
            *found,
            against="bare publish and delivery",
            note="processor time; the design asks for a small fraction",
        )
    ]


def _message_of(size: int) -> AgentMessage:
    """Return a message that is so many bytes on the wire."""
    message = AgentMessage(
        message_type="request",
        from_agent=SENDER,
        to_agent="Echo",
        content="",
        metadata={"city": "Lisbon", "attempt": 1},
    )
    message = message.replace(context_id=message.message_id)
    return message.replace(content="x" * (size - len(message.to_bytes())))
