"""Requests over one shared reply subscription: a number for each, a future for each number."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from nats.errors import ConnectionClosedError, OutboundBufferLimitError

from hubbub.errors import ConnectionLost

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

__all__ = ["NO_RESPONDERS", "Replies", "status_of"]

NO_RESPONDERS = "503"
"""The status of a reply that says that nobody listens on the subject."""


def status_of(message: Msg) -> str:
    """Return the status code of a server reply, empty for an ordinary message."""
    headers = message.headers
    if not headers or "Status" not in headers:
        return ""
    # Any client may have given a header of this name to a stored message, which is known by the
    # subject of its acknowledgement, or, read back, by its sequence.
    if message.reply.startswith("$JS.ACK.") or "Nats-Sequence" in headers:
        return ""
    return headers["Status"]


class Replies:
    """Waits for answers on one subscription.

    Args:
        client: the connection.
        prefix: subjects `{prefix}.{number}` must come back to this subscription.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._waiting: dict[str, Callable[[Msg], None]] = {}
        self._next = 0

    async def listen(self) -> None:
        """Subscribe; to be called once, before the first request."""
        await self._client.subscribe(f"{self._prefix}.*", cb=self._deliver)

    async def _deliver(self, message: Msg) -> None:
        take = self._waiting.get(message.subject.rpartition(".")[2])
        if take is not None:
            take(message)

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout: float,
    ) -> Msg:
        """Publish a message and return the first answer to it.

        Args:
            subject: where to.
            data: payload.
            headers: headers.
            timeout: seconds to wait.

        Raises:
            TimeoutError: no answer in time.
            ConnectionLost: the connection is closed, or has been away for so long that its
                buffer is full.
        """
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def take(message: Msg) -> None:
            if not future.done():
                future.set_result(message)

        async with asyncio.timeout(timeout):
            with self._taking(take) as reply:
                await self._publish(subject, data, reply, headers)
                return await future

    async def collect(self, subject: str, data: bytes, *, timeout: float) -> tuple[list[Msg], str]:
        """Publish a message and return its answers, and the status that ended them.

        Raises:
            TimeoutError: the end did not come in time.
            ConnectionLost: the connection is closed, or its buffer is full.
        """
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        messages: list[Msg] = []
        async with asyncio.timeout(timeout):
            with self._taking(answers.put_nowait) as reply:
                await self._publish(subject, data, reply, None)
                while not (status := status_of(message := await answers.get())):
                    messages.append(message)
        return messages, status

    @contextlib.contextmanager
    def _taking(self, take: Callable[[Msg], None]) -> Generator[str]:
        self._next += 1
        number = str(self._next)
        self._waiting[number] = take
        try:
            yield f"{self._prefix}.{number}"
        finally:
            del self._waiting[number]

    async def _publish(
        self, subject: str, data: bytes, reply: str, headers: dict[str, str] | None
    ) -> None:
        try:
            await self._client.publish(subject, data, reply=reply, headers=headers)
        except (ConnectionClosedError, OutboundBufferLimitError) as error:
            raise ConnectionLost(
                "The connection to the NATS server is gone; `hubbub doctor` tells what is wrong"
            ) from error
