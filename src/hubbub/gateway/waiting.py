"""Waiting for an agent on behalf of a client, and no longer than that client is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Beginning", "ClientLeft", "on_client_left", "while_here"]

T = TypeVar("T")

_AHEAD = 16
_LEFT = 499  # as proxies log it; nobody is there to get it


class ClientLeft(Exception):
    """The client has closed its connection: nobody waits for the answer any more."""


async def on_client_left(_: Request, error: Exception) -> Response:
    """Answer nobody."""
    assert isinstance(error, ClientLeft)  # noqa: S101 - registered for nothing else
    return Response(status_code=_LEFT)


async def while_here(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what some work returns; cancel it when the client leaves.

    Args:
        request: whose client; its body must have been read.
        work: what to do.

    Raises:
        ClientLeft: it left first.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientLeft
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Beginning:
    """An answer that comes piece by piece, while it is not known yet whether it begins.

    Args:
        pieces: the answer; it is asked for at once, all of it in one task.
    """

    def __init__(self, pieces: AsyncGenerator[str]) -> None:
        self._queue = asyncio.Queue[str | None](_AHEAD)
        self._begun = asyncio.Event()
        self._failure: Exception | None = None
        self._pumping = asyncio.create_task(self._pump(pieces))

    async def _pump(self, pieces: AsyncGenerator[str]) -> None:
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    await self._queue.put(piece)
                    self._begun.set()
        except Exception as error:  # noqa: BLE001 - whoever reads the answer gets it
            self._failure = error
        await self._queue.put(None)
        self._begun.set()

    async def wait(self, request: Request, seconds: float) -> None:
        """Wait for the first piece, for some seconds: its failure still has a status then.

        Raises:
            ClientLeft: the client left.
            HubbubError: what the answer failed with.
        """
        try:
            await while_here(request, _set_within(seconds, self._begun))
            if self._failure is not None and self._queue.qsize() == 1:
                raise self._failure
        except BaseException:
            await self.aclose()
            raise

    async def pieces(self) -> AsyncGenerator[str]:
        """Yield all pieces.

        Raises:
            HubbubError: what the answer failed with.
        """
        while (piece := await self._queue.get()) is not None:
            yield piece
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """Stop; whoever answers is told."""
        self._pumping.cancel()
        await asyncio.wait({self._pumping})


async def _set_within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
