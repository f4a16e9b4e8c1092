"""A broadcast: how long until all of 100 agents in one process have heard it.

The bare side publishes to one subject that one connection has subscribed to 100 times. On both
sides the sender has a connection of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

import hubbub
from bench.places import SENDER, bare_client
from bench.rounds import one_by_one, taking_turns
from bench.rows import Row, at_most, row
from bench.sizes import Sizes
from hubbub import Agent, AgentMessage
from hubbub.testing import nats_server

__all__ = ["rows"]

_AGENTS = 100
_CONTENT = "x" * 128


class _Count:
    """Tells when everybody has heard it."""

    def __init__(self) -> None:
        self._left = 0
        self._all = asyncio.Event()

    def one(self) -> None:
        """Count one hearer."""
        self._left -= 1
        if not self._left:
            self._all.set()

    async def after(self, send: Awaitable[None]) -> None:
        """Send, and return when all have heard it."""
        self._left = _AGENTS
        self._all.clear()
        await send
        await self._all.wait()


async def rows(sizes: Sizes) -> list[Row]:
    """Measure broadcasts."""
    count = _Count()
    sent = AgentMessage(message_type="announcement", from_agent=SENDER, content=_CONTENT).to_bytes()

    async def heard(_: Msg) -> None:
        count.one()

    with nats_server() as server:
        async with (
            bare_client(server.url) as hearer,
            bare_client(server.url) as client,
            hubbub.connect(server.url) as hearers,
            hubbub.connect(server.url, name=SENDER) as mesh,
            hearers.serve(*(_listener(number, count.one) for number in range(_AGENTS))),
        ):
            for _ in range(_AGENTS):
                await hearer.subscribe("bare.all", cb=heard)
            await hearer.flush()

            async def ours(_: int) -> None:
                await count.after(mesh.broadcast_message(_CONTENT))

            async def theirs(_: int) -> None:
                await count.after(client.publish("bare.all", sent))

            found = await taking_turns(
                sizes.rounds,
                lambda: one_by_one(sizes.broadcasts, ours),
                lambda: one_by_one(sizes.broadcasts, theirs),
            )
    return [
        row(
            f"broadcast heard by {_AGENTS} agents in one process, p50",
            "ms",
            *found,
            against=f"bare publish, {_AGENTS} subscriptions",
            goal=at_most(1.5, of="ratio"),
        )
    ]


def _listener(number: int, heard: Callable[[], None]) -> Agent:
    agent = Agent(f"Listener-{number}")

    @agent.run
    async def answer(message: AgentMessage) -> str:
        return message.text

    @agent.on_broadcast
    async def hear(_: AgentMessage) -> None:
        heard()

    return agent
