"""An answer sent piece by piece: numbered, with signs of life in between, and an end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import FINAL, SEQUENCE
from hubbub.wire.codec import JSON

__all__ = ["PieceSender"]

_KEEP_ALIVE_SECONDS = 5.0


class PieceSender:
    """Sends the pieces of one answer.

    Args:
        connection: the mesh.
        reply: where the requester waits for them.
        cancel_subject: where it says that it wants no more of them.
        written: returns the bytes of a piece.
    """

    def __init__(
        self,
        connection: Connection,
        reply: str,
        cancel_subject: str,
        written: Callable[[JSON], bytes],
    ) -> None:
        self._connection = connection
        self._reply = reply
        self._cancel_subject = cancel_subject
        self._written = written
        self._number = 0

    async def send_all(self, answer: Awaitable[JSON | AsyncIterator[str]]) -> None:
        """Send an answer that is being made; it is stopped if this is cancelled.

        Raises:
            Exception: whatever the making of it raises.
        """
        sending = asyncio.create_task(self._send_pieces(answer))
        try:
            while not (await asyncio.wait({sending}, timeout=_KEEP_ALIVE_SECONDS))[0]:
                await self._send("")
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
        sending.result()
        await self._send("", final=True)

    async def _send_pieces(self, answer: Awaitable[JSON | AsyncIterator[str]]) -> None:
        # All in one task: a generator may hold a timeout or a task group across its pieces.
        made = await answer
        pieces = made if isinstance(made, AsyncIterator) else _once(made)
        async with _closing(pieces):
            async for piece in pieces:
                await self._send(piece)

    async def _send(self, content: JSON, *, final: bool = False) -> None:
        self._number += 1
        headers = {SEQUENCE: str(self._number)} | ({FINAL: "1"} if final else {})
        data = self._written(content)
        await self._connection.publish(
            self._reply, data, reply=self._cancel_subject, headers=headers
        )


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[JSON]) -> AsyncGenerator[None]:
    """Close a generator at the end of the context; other iterators have nothing to close."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _once(answer: JSON) -> AsyncIterator[JSON]:
    yield answer
