"""What the tests of the contract share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hubbub import Agent, AgentMessage, Mesh
from hubbub.mesh.tasks.burial import Burial, read_dead_letter
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.wire import agent_token

__all__ = ["PATIENCE", "dead_letters", "inbox_of", "listener", "soon", "stored", "take", "until"]

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds after which a test gives up waiting for what must happen."""


async def soon(awaitable: Awaitable[T]) -> T:
    """Wait for what must happen soon."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def take(queue: asyncio.Queue[T], number: int) -> list[T]:
    """Wait for so many items of a queue."""
    return [await soon(queue.get()) for _ in range(number)]


def listener(name: str) -> tuple[Agent, asyncio.Queue[AgentMessage]]:
    """Return an agent that hears what comes back to it, and the queue of what it heard."""
    agent, heard = Agent(name), asyncio.Queue[AgentMessage]()
    agent.on_message(heard.put)

    @agent.run
    async def answer(message: AgentMessage) -> str:
        raise AssertionError(f"{name} was set to work by {message}")

    return agent, heard


async def stored(mesh: Mesh, stream: str, subject: str) -> list[StoredMessage]:
    """Return what a stream holds."""
    return await mesh.connection.read_back(stream, subject)


async def inbox_of(mesh: Mesh, agent: str) -> list[StoredMessage]:
    """Return what waits in an agent's inbox, work in progress included."""
    return await stored(mesh, "INBOX", f"agents.direct.{agent_token(agent)}.>")


async def dead_letters(mesh: Mesh, agent: str) -> list[tuple[Burial, bytes]]:
    """Return an agent's dead letters and their payloads."""
    letters = await stored(mesh, "DEAD", f"dead.{agent_token(agent)}.>")
    return [(read_dead_letter(letter.headers), letter.data) for letter in letters]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until a condition holds that nobody tells us about."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
