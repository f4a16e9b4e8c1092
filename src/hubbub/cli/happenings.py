"""What happens to a task, in one queue: the events of its log, and text while it is written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
from nats.aio.msg import Msg

from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.transport.concurrency import background
from hubbub.wire.events import TaskEvent
from hubbub.wire.names import agent_token

__all__ = ["Happening", "Piece", "happenings"]

_AHEAD = 1_000


class Piece(msgspec.Struct, frozen=True):
    """A piece of text that a task is writing; pieces may get lost.

    Attributes:
        text: what was added.
        attempt: which attempt writes; a newer one writes the text anew.
        key: which text; empty for one that is never kept as a whole.
        offset: how many characters of the text stand before it.
    """

    text: str
    attempt: int = 1
    key: str = ""
    offset: int = 0


Happening = tuple[int, TaskEvent] | Piece | None
"""An event with its sequence, a piece, or the end."""


@contextlib.asynccontextmanager
async def happenings(
    mesh: Mesh, handle: TaskHandle, *, pieces: bool
) -> AsyncGenerator[asyncio.Queue[Happening]]:
    """Yield the queue, from the first event until the final one; None is the last item.

    Args:
        mesh: where.
        handle: the task.
        pieces: whether text is wanted while it is written.

    Raises:
        ConnectionLost: the server does not answer.
    """
    queue = asyncio.Queue[Happening](_AHEAD)

    async def read() -> None:
        async with contextlib.aclosing(handle.log()) as entries:
            async for entry in entries:
                await queue.put(entry)
        await queue.put(None)

    async def on_piece(message: Msg) -> None:
        # The log has the whole text, so what cannot be read or kept up with is no loss.
        with contextlib.suppress(asyncio.QueueFull, msgspec.MsgspecError):
            queue.put_nowait(msgspec.json.decode(message.data, type=Piece))

    async with contextlib.AsyncExitStack() as stack:
        if pieces:
            subject = mesh.connection.layout.live(agent_token(handle.agent), handle.task_id)
            await stack.enter_async_context(mesh.connection.subscription(subject, on_piece))
        group = await stack.enter_async_context(background())
        reading = group.create_task(read())
        try:
            yield queue
        finally:
            reading.cancel()
