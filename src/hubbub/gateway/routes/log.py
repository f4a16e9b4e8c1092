"""The log of a task as it is stored, in pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hubbub.gateway.console.records import LoggedEvent, LogPage
from hubbub.gateway.identity.ownership import visible_task
from hubbub.gateway.live.happenings import QuestionsSeen
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.routes.tasks import TaskId
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.mesh.transport.streams import TASKS
from hubbub.wire.events import TaskEvent
from hubbub.wire.names import agent_token

__all__ = ["router"]

router = APIRouter(prefix="/api/tasks", tags=["tasks"])

_LAST_SEQUENCE = (1 << 63) - 2


@router.get("/{task_id}/log", operation_id="read_task_log", responses=may_fail_with(404))
async def read_log(
    gateway: OnGateway,
    who: SignedIn,
    task_id: TaskId,
    after: Annotated[
        int, Query(ge=0, le=_LAST_SEQUENCE, description="`next` of the page in front.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> LogPage:
    """Return what is stored of what happened to a task, oldest first; secret answers are hidden."""
    mesh = gateway.mesh
    task = await visible_task(mesh, who, task_id)
    connection, token = mesh.connection, agent_token(task.agent)
    stored = await connection.read_some(
        TASKS, start=after + 1, subject=connection.layout.log(token, task.id), limit=limit
    )
    read = [(one.sequence, TaskEvent.from_bytes(one.data)) for one in stored]
    seen = QuestionsSeen()
    if after and any(event.kind == "answered" for _, event in read):
        # Whether an answer is a secret is told by its question, on a page in front of this one.
        for _, event in await mesh.task(task.agent, task.id).stored_log():
            seen.shown(event)
    ended = not stored or stored[-1].headers.get("Nats-Num-Pending", "0") == "0"
    return LogPage(
        events=[
            LoggedEvent(sequence=sequence, kind=event.kind, at=event.at, data=seen.shown(event))
            for sequence, event in read
        ],
        next=None if ended else read[-1][0],
    )
