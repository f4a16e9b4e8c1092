"""Tasks: started, listed, answered, canceled."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Query, Response

from hubbub.gateway.acts.actions import (
    answer_question,
    cancel_task,
    run_again,
    start_task,
    steer_task,
)
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.identity.ownership import actionable_task, visible_task, visible_tasks
from hubbub.gateway.problems import Refusal, may_fail_with
from hubbub.gateway.records.models import (
    Answer,
    Answered,
    Key,
    NoteIn,
    NoteSent,
    ReplayReport,
    RerunIn,
    Task,
    TaskIn,
    TaskPage,
)
from hubbub.gateway.records.views import task_view
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.wire.events import TaskState

__all__ = ["TaskId", "router"]

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=StrictRoute)

TaskId = Annotated[str, Path(max_length=64, description="The task.")]


@router.post(
    "",
    operation_id="start_task",
    status_code=201,
    responses={
        200: {"model": Task, "description": "The task that this key has started before."},
        **may_fail_with(409),
    },
)
async def start(
    gateway: OnGateway,
    who: SignedIn,
    task: TaskIn,
    response: Response,
    idempotency_key: Annotated[Key | None, Header(description="Like the field.")] = None,
) -> Task:
    """Set an agent or a workflow to work, online or not; you own the task."""
    if task.idempotency_key is not None and idempotency_key not in (None, task.idempotency_key):
        raise Refusal(422, "invalid-request", "Header and body name two idempotency keys")
    found, is_new = await start_task(gateway, who, task, task.idempotency_key or idempotency_key)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = f"/api/tasks/{found.id}"
    return task_view(found)


@router.get("", operation_id="list_tasks", responses=may_fail_with())
async def list_tasks(
    gateway: OnGateway,
    who: SignedIn,
    agent: Annotated[str | None, Query(description="Only this agent's.")] = None,
    state: Annotated[
        list[TaskState] | None, Query(description="Only in this state, or one of these.")
    ] = None,
    context: Annotated[
        str | None, Query(max_length=64, description="Only this conversation.")
    ] = None,
    before: Annotated[str | None, Query(description="`before` of the page in front.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TaskPage:
    """Return tasks, the one that changed last first; users see their own."""
    states = [str(one) for one in state or ()]
    page = await visible_tasks(
        gateway.mesh, who, agent=agent, states=states, context=context, before=before, limit=limit
    )
    return TaskPage(tasks=[task_view(task) for task in page.tasks], before=page.before)


@router.get("/{task_id}", operation_id="get_task", responses=may_fail_with(404))
async def get_task(gateway: OnGateway, who: SignedIn, task_id: TaskId) -> Task:
    """Return a task as it stands, with its open questions."""
    return task_view(await visible_task(gateway.mesh, who, task_id))


@router.post(
    "/{task_id}/answers",
    operation_id="answer_question",
    status_code=201,
    responses=may_fail_with(403, 404, 409),
)
async def answer(gateway: OnGateway, who: SignedIn, task_id: TaskId, given: Answer) -> Answered:
    """Answer a question; the first answer counts, a later one gets 409 and is told whose it was."""
    return await answer_question(gateway, who, task_id, given)


@router.post(
    "/{task_id}/steer",
    operation_id="steer_task",
    status_code=202,
    responses=may_fail_with(403, 404, 409),
)
async def steer(gateway: OnGateway, who: SignedIn, task_id: TaskId, note: NoteIn) -> NoteSent:
    """Send a note to a task, for its handler to read between two steps; 409 if it has ended."""
    return await steer_task(gateway, who, task_id, note)


@router.post(
    "/{task_id}/cancel",
    operation_id="cancel_task",
    status_code=202,
    responses=may_fail_with(403, 404),
)
async def cancel(gateway: OnGateway, who: SignedIn, task_id: TaskId) -> Task:
    """Ask for the end of a task; does nothing if it has ended."""
    return task_view(await cancel_task(gateway, who, task_id))


@router.post(
    "/{task_id}/rerun",
    operation_id="rerun_task",
    status_code=201,
    responses=may_fail_with(403, 404, 409),
)
async def rerun(
    gateway: OnGateway,
    who: SignedIn,
    task_id: TaskId,
    response: Response,
    place: RerunIn | None = None,
) -> Task:
    """Run a task again with what is on record up to a place; what follows is done anew."""
    task = await run_again(gateway, who, task_id, place.after if place is not None else None)
    response.headers["location"] = f"/api/tasks/{task.id}"
    return task_view(task)


@router.post(
    "/{task_id}/replay",
    operation_id="replay_task",
    responses=may_fail_with(403, 404, 409, 502, 504),
)
async def replay(gateway: OnGateway, who: SignedIn, task_id: TaskId) -> ReplayReport:
    """Run today's code against a task's log, without doing anything, and tell whether it fits."""
    mesh = gateway.mesh
    await actionable_task(mesh, who, task_id)
    return ReplayReport(**msgspec.to_builtins(await mesh.replay_task(task_id)))
