"""Waiting for an agent to come up: its first sign of life wakes whoever waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

from nats.aio.msg import Msg

from hubbub.mesh.presence.cards import presence_key, read_instance
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import PRESENCE_BUCKET

__all__ = ["Arrival", "instances_of"]

_DELETED = "KV-Operation"


class Arrival:
    """Hears, from the first `wait` on and while the context lasts, that an agent comes up.

    Args:
        connection: the mesh.
        agent: the agent's token.
    """

    def __init__(self, connection: Connection, agent: str) -> None:
        self._connection = connection
        # The secured layout keeps the buckets in an account of their own; its announcements name
        # the agent in the subject. The keys do in both, without everybody else's.
        secured = connection.layout.secured
        self._subject = connection.layout.everybody(agent) if secured else presence_key(agent, "*")
        self._stack = contextlib.AsyncExitStack()
        self._listening = False
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def wait(self, seconds: float) -> None:
        """Return when the agent gives a sign of life, or after some seconds.

        The first call returns as soon as that will be heard: it may have come up before.

        Raises:
            ConnectionLost: the connection is closed.
        """
        if not self._listening:
            heard = self._connection.subscription(self._subject, self._on_sign)
            await self._stack.enter_async_context(heard)
            await self._connection.flush()
            self._listening = True
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._came.wait()
        self._came.clear()

    async def _on_sign(self, message: Msg) -> None:
        if message.data and _DELETED not in (message.headers or {}):
            self._came.set()


async def instances_of(connection: Connection, agent: str) -> int:
    """Return how many instances of an agent are there.

    Args:
        connection: the mesh.
        agent: the agent's token.

    Raises:
        ConnectionLost: the server does not answer.
    """
    found = await connection.read_back(f"KV_{PRESENCE_BUCKET}", presence_key(agent, "*"))
    return sum(read_instance(one) is not None for one in found)
