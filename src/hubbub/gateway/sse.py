"""Server-sent events: how they are written, kept alive, and ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, Protocol

import msgspec
from fastapi.responses import StreamingResponse
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from hubbub.errors import HubbubError
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.problems import problem_of
from hubbub.gateway.state import Gateway

__all__ = ["EventStream", "event", "event_stream"]

_AHEAD = 16
_KEEP_ALIVE = b": keep-alive\n\n"
# Proxies that would collect a response are told not to.
_UNBUFFERED = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class Closable(Protocol):
    """What can be closed early."""

    def aclose(self) -> Awaitable[object]:
        """Close it."""
        ...


def event(kind: str, data: object, *, event_id: int | None = None) -> bytes:
    """Write one event.

    Args:
        kind: its type.
        data: JSON; it has no line breaks as we write it.
        event_id: where a client goes on after it; without one, the client's place stays.
    """
    mark = b"" if event_id is None else b"id: %d\n" % event_id
    return b"%sevent: %s\ndata: %s\n\n" % (mark, kind.encode(), msgspec.json.encode(data))


class EventStream(StreamingResponse):
    """A response that closes what it is made of as soon as nobody reads it any more."""

    media_type = "text/event-stream"
    paced: AsyncGenerator[bytes]
    works: list[asyncio.Task[None]]
    sources: tuple[Closable, ...]
    held: contextlib.ExitStack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with self.held:
                await self.paced.aclose()
                if self.works:
                    await asyncio.wait(self.works)
                # Of a generator that nobody has begun with, nothing runs at its end: close each.
                for source in self.sources:
                    await source.aclose()


def event_stream(
    gateway: Gateway,
    who: Principal,
    request: Request,
    source: AsyncGenerator[bytes],
    *,
    error_kind: str = "error",
    made_of: Closable | None = None,
    held: contextlib.ExitStack | None = None,
) -> EventStream:
    """Return a response that streams events while its user may have it open.

    Args:
        gateway: ends it when it stops.
        who: whose stream it is.
        request: what asked for it.
        source: the events, written.
        error_kind: the type of the event that tells of a failure; empty for a bare `data:`.
        made_of: what the events are made of, if it is to be closed, too.
        held: has the user's slot for a stream, if one has been taken already.

    Raises:
        Refusal: 429, the user has too many open.
    """
    if held is None:
        held = contextlib.ExitStack()
        held.enter_context(gateway.streams.taken(who.user))

    async def over() -> None:
        await gateway.until_over(who, request)

    works: list[asyncio.Task[None]] = []
    paced = _paced(source, over, works, error_kind, gateway.settings.keep_alive_seconds)
    stream = EventStream(paced, media_type="text/event-stream", headers=_UNBUFFERED)
    stream.paced, stream.works, stream.held = paced, works, held
    stream.sources = (source,) if made_of is None else (source, made_of)
    return stream


async def _paced(
    source: AsyncGenerator[bytes],
    over: Callable[[], Coroutine[Any, Any, None]],
    works: list[asyncio.Task[None]],
    error_kind: str,
    keep_alive_seconds: float,
) -> AsyncGenerator[bytes]:
    queue = asyncio.Queue[bytes | Exception | None](_AHEAD)

    async def pump() -> None:
        # The whole source in one task: it may hold time limits and groups of tasks.
        end: Exception | None = None
        try:
            async with contextlib.aclosing(source):
                async for piece in source:
                    await queue.put(piece)
        except HubbubError as error:
            problem = problem_of(error)
            facts = {"status": problem.status_code, "code": problem.code, "detail": problem.detail}
            data = facts if error_kind else {"error": {"message": facts["detail"], **facts}}
            written = event(error_kind, data) if error_kind else _bare(data)
            await queue.put(written)
        except Exception as error:  # noqa: BLE001 - the response ends with it, whatever it is
            end = error
        await queue.put(end)

    pumping = asyncio.create_task(pump())
    stopping = asyncio.create_task(over())
    works += [pumping, stopping]
    try:
        if error_kind:
            yield b": open\n\n"
        while not stopping.done():
            getting = asyncio.create_task(queue.get())
            try:
                await asyncio.wait(
                    {getting, stopping},
                    timeout=keep_alive_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if getting.done():
                    piece = getting.result()
                    if isinstance(piece, Exception):
                        raise piece
                    if piece is None:
                        return
                    yield piece
                elif not stopping.done():
                    yield _KEEP_ALIVE
            finally:
                getting.cancel()
    finally:
        # The response waits for their end: what leaves cancels whatever we would await here.
        pumping.cancel()
        stopping.cancel()


def _bare(data: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(data)
