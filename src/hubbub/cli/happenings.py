"""What happens to a task, in one queue: its log, its text as it is written, what others ask for it.

A task may open others: it sends a message, starts another workflow, hands off. Their questions
are as much in its way as its own, so they are told here, too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec
from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.transport.concurrency import background
from hubbub.wire.events import TaskEvent
from hubbub.wire.names import agent_token

__all__ = ["Absence", "Entry", "Happening", "Piece", "happenings"]

_AHEAD = 1_000
_SILENCE_SECONDS = 3.0
_ABOUT_QUESTIONS = frozenset({"asked", "answered", "timed_out"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a log.

    Attributes:
        handle: whose log it is: that of the task that is followed, or of one that it has opened.
        sequence: its place.
        event: what happened.
    """

    handle: TaskHandle
    sequence: int
    event: TaskEvent


class Piece(msgspec.Struct, frozen=True):
    """A piece of text that a task is writing; pieces may get lost.

    Attributes:
        text: what was added.
        attempt: which attempt writes; a newer one writes the text anew.
        key: which text; empty for one that is never kept as a whole.
        offset: how many characters of the text stand before it.
        after: the place in the log of what happened last before it was written.
    """

    text: str
    attempt: int = 1
    key: str = ""
    offset: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Absence:
    """Nothing happens, and nobody serves the agent of the task.

    Attributes:
        agent: its name.
    """

    agent: str


Happening = Entry | Piece | Absence | None
"""An event, a piece of text, silence with a cause, or the end."""


@contextlib.asynccontextmanager
async def happenings(
    mesh: Mesh, handle: TaskHandle, *, pieces: bool, family: bool
) -> AsyncGenerator[asyncio.Queue[Happening]]:
    """Yield the queue, from the first event until the final one; None is the last item.

    Of each silence it is told once if nobody serves the agent.

    Args:
        mesh: where.
        handle: the task.
        pieces: whether text is wanted while it is written, behind all that happened before it.
        family: whether it is wanted what tasks that it has opened, and those that they have
            opened, ask; of their other events, only how they end.

    Raises:
        ConnectionLost: the server does not answer.
    """
    queue, early = asyncio.Queue[Happening](_AHEAD), deque[Piece](maxlen=_AHEAD)
    told, known = 0, {(agent_token(handle.agent), handle.task_id)}
    news, working = asyncio.Event(), list[asyncio.Task[None]]()

    async def read() -> None:
        nonlocal told
        async with contextlib.aclosing(handle.log()) as entries:
            async for sequence, event in entries:
                adopt(event)
                await queue.put(Entry(handle, sequence, event))
                told = sequence
                news.set()
                while early and early[0].after <= told:
                    await queue.put(early.popleft())
        await queue.put(None)

    async def read_child(child: TaskHandle) -> None:
        async with contextlib.aclosing(child.log()) as entries:
            async for sequence, event in entries:
                adopt(event)
                if event.kind in _ABOUT_QUESTIONS or event.is_final:
                    await queue.put(Entry(child, sequence, event))

    def adopt(event: TaskEvent) -> None:
        if not family or event.kind != "sent":
            return
        child = mesh.task(str(event.data["to_agent"]), str(event.data["message_id"]))
        name = (agent_token(child.agent), child.task_id)
        if name not in known:
            known.add(name)
            working.append(group.create_task(read_child(child)))

    async def watch() -> None:
        has_told = False
        while True:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await news.wait()
            except TimeoutError:
                with contextlib.suppress(ConnectionLost):  # then nobody knows
                    if not has_told and not await mesh.is_online(handle.agent):
                        await queue.put(Absence(handle.agent))
                        has_told = True
            else:
                news.clear()
                has_told = False

    async def on_piece(message: Msg) -> None:
        # The log has the whole text, so what cannot be read or kept up with is no loss.
        with contextlib.suppress(asyncio.QueueFull, msgspec.MsgspecError):
            piece = msgspec.json.decode(message.data, type=Piece)
            if early or piece.after > told:
                early.append(piece)
            else:
                queue.put_nowait(piece)

    async with contextlib.AsyncExitStack() as stack:
        if pieces:
            subject = mesh.connection.layout.live(agent_token(handle.agent), handle.task_id)
            await stack.enter_async_context(mesh.connection.subscription(subject, on_piece))
        group = await stack.enter_async_context(background())
        working += [group.create_task(read()), group.create_task(watch())]
        try:
            yield queue
        finally:
            for task in working:
                task.cancel()
