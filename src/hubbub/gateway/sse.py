"""Server-sent events: how they are written, kept alive, and ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
from fastapi.responses import StreamingResponse
from starlette.types import Send

from hubbub.errors import HubbubError
from hubbub.gateway.principals import Principal
from hubbub.gateway.problems import problem_of
from hubbub.gateway.state import Gateway

__all__ = ["EventStream", "event", "event_stream", "prepended"]

_AHEAD = 256
_KEEP_ALIVE = b": keep-alive\n\n"


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
    """A response that closes its source as soon as nobody reads it any more."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Send all of it."""
        source = self.body_iterator
        try:
            await super().stream_response(send)
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()


def event_stream(
    gateway: Gateway, who: Principal, source: AsyncGenerator[bytes], *, error_kind: str = "error"
) -> EventStream:
    """Return a response that streams events while its user may have it open.

    Args:
        gateway: ends it when it stops.
        who: whose stream it is.
        source: the events, written.
        error_kind: the type of the event that tells of a failure; empty for a bare `data:`.

    Raises:
        Refusal: 429, the user has too many open.
    """
    gateway.streams.check(who.user)
    return EventStream(_paced(gateway, who, source, error_kind), media_type="text/event-stream")


async def _paced(
    gateway: Gateway, who: Principal, source: AsyncGenerator[bytes], error_kind: str
) -> AsyncGenerator[bytes]:
    queue = asyncio.Queue[bytes | None](_AHEAD)

    async def pump() -> None:
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
        await queue.put(None)

    with gateway.streams.taken(who.user):
        pumping = asyncio.create_task(pump())
        stopping = asyncio.create_task(gateway.closing.wait())
        try:
            if error_kind:
                yield b": open\n\n"
            while True:
                getting = asyncio.ensure_future(queue.get())
                try:
                    await asyncio.wait(
                        {getting, stopping, pumping} if not pumping.done() else {getting, stopping},
                        timeout=gateway.settings.keep_alive_seconds,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    if not getting.done():
                        getting.cancel()
                if getting.done() and not getting.cancelled():
                    piece = getting.result()
                    if piece is None:
                        return
                    yield piece
                elif stopping.done():
                    return
                elif pumping.done():
                    if queue.empty():
                        pumping.result()
                        return
                else:
                    yield _KEEP_ALIVE
        finally:
            for task in (pumping, stopping):
                task.cancel()
            await asyncio.wait({pumping, stopping})


def _bare(data: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(data)


async def prepended(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield one piece before all others."""
    yield first
    async with contextlib.aclosing(rest):
        async for piece in rest:
            yield piece
