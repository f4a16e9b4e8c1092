"""What happens to a task, while it happens: its log, and the text that is being written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from nats.aio.msg import Msg

from hubbub.gateway.identity.ownership import visible_task
from hubbub.gateway.live.happenings import QuestionsSeen
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.routes.tasks import TaskId
from hubbub.gateway.sse import EventStream, event, event_stream
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.concurrency import background
from hubbub.wire.names import agent_token

__all__ = ["router"]

router = APIRouter(prefix="/api/tasks", tags=["tasks"])

_LAST_SEQUENCE = (1 << 63) - 1
_AHEAD = 1_000
_EXAMPLE = 'id: 17\nevent: said\ndata: {"kind":"said","at":"...","data":{"text":"Hello"}}\n\n'

Sequence = Annotated[int, Query(ge=0, le=_LAST_SEQUENCE, description="Begin behind this id.")]


@router.get(
    "/{task_id}/events",
    operation_id="follow_task",
    response_class=EventStream,
    responses={
        200: {
            "description": "The log from the beginning, then what comes, until the final event. "
            "Events of the log have an `id`; `delta` events, pieces of text being written, "
            "have none and are not stored.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **may_fail_with(404),
    },
)
async def follow(
    gateway: OnGateway,
    who: SignedIn,
    request: Request,
    task_id: TaskId,
    after: Sequence = 0,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=_LAST_SEQUENCE, description="Begin behind this id; beats `after`."),
    ] = None,
) -> EventStream:
    """Follow a task, from anywhere in its log, whether or not anybody works on it."""
    mesh = gateway.mesh
    task = await visible_task(mesh, who, task_id)
    start = after if last_event_id is None else last_event_id
    seen = QuestionsSeen()
    if start:
        for _, known in await mesh.task(task.agent, task.id).stored_log():
            seen.shown(known)
    source = _events(mesh, task.agent, task.id, start, seen)
    return event_stream(gateway, who, request, source)


async def _events(
    mesh: Mesh, agent: str, task_id: str, after: int, seen: QuestionsSeen
) -> AsyncGenerator[bytes]:
    queue = asyncio.Queue[bytes | None](_AHEAD)

    async def read() -> None:
        entries = mesh.task(agent, task_id).log(after=after)
        async with contextlib.aclosing(entries):
            async for sequence, one in entries:
                data = {"kind": one.kind, "at": one.at, "data": seen.shown(one)}
                await queue.put(event(one.kind, data, event_id=sequence))
        await queue.put(None)

    async def on_piece(message: Msg) -> None:
        # Pieces may get lost: what was said comes whole with the log.
        with contextlib.suppress(asyncio.QueueFull, msgspec.MsgspecError):
            piece = msgspec.json.decode(message.data, type=dict[str, Any])
            queue.put_nowait(event("delta", piece))

    subject = mesh.connection.layout.live(agent_token(agent), task_id)
    async with mesh.connection.subscription(subject, on_piece), background() as group:
        reading = group.create_task(read())
        try:
            while (piece := await queue.get()) is not None:
                yield piece
        finally:
            reading.cancel()
