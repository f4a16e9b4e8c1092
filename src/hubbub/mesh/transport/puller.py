"""Asking consumers for one message at a time, on a subscription of one's own.

A pulled message keeps the subject it was published to, so it cannot come back over the shared
reply subscription: only the subscription itself tells whose it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator

from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.replies import status_of

__all__ = ["Puller", "open_puller"]

_ANSWER_SECONDS = 2.0
_NOW = b'{"batch":1,"no_wait":true}'
_HAND_BACK = b"-NAK"

_numbers = itertools.count(1)


class Puller:
    """Pulls for one slot; made by `open_puller`."""

    def __init__(self, connection: Connection, inbox: str) -> None:
        self._connection = connection
        self._inbox = inbox
        self._asked = 0
        self._reply = ""
        self._answer: asyncio.Future[Msg | None] | None = None

    async def take_in(self, message: Msg) -> None:
        """Take in what comes on the subscription."""
        # A status names the pull that it answers; a message may be the answer to any.
        if message.subject.startswith(self._inbox) and message.subject != self._reply:
            return
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
        else:
            await self._hand_back(message)

    def ask_again(self) -> None:
        """Expect no answer any more: the connection was lost since we asked."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

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
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        ask = _NOW if not wait_seconds else b'{"batch":1,"expires":%d}' % int(wait_seconds * 1e9)
        loop = asyncio.get_running_loop()
        message: Msg | None = None
        async with asyncio.timeout(wait_seconds + _ANSWER_SECONDS):
            while message is None:
                # A pull that is kept for later would take a message that nobody waits for.
                await self._connection.available()
                self._asked += 1
                self._reply = f"{self._inbox}.{self._asked}"
                self._answer = answer = loop.create_future()
                try:
                    await self._connection.publish(subject, ask, reply=self._reply)
                    message = await answer
                except asyncio.CancelledError:
                    # It may have come at this very moment.
                    if answer.done() and not answer.cancelled() and (late := answer.result()):
                        await self._hand_back(late)
                    raise
        return message

    async def _hand_back(self, message: Msg) -> None:
        """Let somebody else have the answer to a pull that was given up."""
        if not status_of(message):
            with contextlib.suppress(ConnectionLost):
                await self._connection.publish(message.reply, _HAND_BACK)


@contextlib.asynccontextmanager
async def open_puller(connection: Connection) -> AsyncGenerator[Puller]:
    """Subscribe for the answers to one slot's pulls while the context lasts."""
    inbox = f"_INBOX.{connection.id}.pull.{next(_numbers)}"
    puller = Puller(connection, inbox)
    async with connection.subscription(f"{inbox}.*", puller.take_in):
        with connection.on_reconnect(puller.ask_again):
            yield puller
