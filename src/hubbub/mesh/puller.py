"""Asking consumers for one message at a time, on a subscription of one's own.

A pulled message keeps the subject it was published to, so it cannot come back over the shared
reply subscription: only the subscription itself tells whose it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncGenerator

from nats.aio.msg import Msg

from hubbub.mesh.connection import Connection
from hubbub.mesh.replies import status_of

__all__ = ["Puller", "open_puller"]

_ANSWER_SECONDS = 2.0
_NOW = b'{"batch":1,"no_wait":true}'

_numbers = itertools.count(1)


class Puller:
    """Pulls for one slot; made by `open_puller`."""

    def __init__(self, connection: Connection, inbox: str) -> None:
        self._connection = connection
        self._inbox = inbox
        self._arrived: deque[Msg] = deque()
        self._arrival = asyncio.Event()
        self._overdue = 0

    async def take_in(self, message: Msg) -> None:
        """Take in what comes on the subscription."""
        self._arrived.append(message)
        self._arrival.set()

    def forget_overdue(self) -> None:
        """Expect no answers to earlier pulls any more: the connection was lost in between."""
        self._overdue = 0

    async def pull(self, stream: str, consumer: str, *, wait_seconds: float = 0.0) -> Msg:
        """Ask for the next message.

        Args:
            stream: where the message is.
            consumer: whose it is.
            wait_seconds: how long the server shall wait for one to come.

        Returns:
            The message, or the server's status message if there is none.

        Raises:
            TimeoutError: the server does not answer.
            ConnectionLost: the connection is closed.
        """
        if (message := self._next()) is not None:
            return message  # the answer to a pull that had been given up
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        ask = _NOW if not wait_seconds else b'{"batch":1,"expires":%d}' % int(wait_seconds * 1e9)
        await self._connection.publish(subject, ask, reply=self._inbox)
        try:
            async with asyncio.timeout(wait_seconds + _ANSWER_SECONDS):
                while (message := self._next()) is None:
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError:
            self._overdue += 1
            raise
        return message

    def _next(self) -> Msg | None:
        while self._arrived:
            message = self._arrived.popleft()
            if self._overdue:
                self._overdue -= 1
                if status_of(message):
                    continue
            return message
        return None


@contextlib.asynccontextmanager
async def open_puller(connection: Connection) -> AsyncGenerator[Puller]:
    """Subscribe for the answers to one slot's pulls while the context lasts."""
    inbox = f"_INBOX.{connection.id}.pull.{next(_numbers)}"
    puller = Puller(connection, inbox)
    async with connection.subscription(inbox, puller.take_in):
        with connection.on_reconnect(puller.forget_overdue):
            yield puller
