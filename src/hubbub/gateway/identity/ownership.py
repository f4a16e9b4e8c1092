"""Whose a task is: other people's are not there for who may only see their own."""

from __future__ import annotations

from hubbub.errors import TaskNotFound
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.problems import Refusal
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.lists import TaskPage
from hubbub.mesh.tasks.summary import TaskSummary

__all__ = ["actionable_task", "expect_context", "visible_task", "visible_tasks"]


async def visible_task(mesh: Mesh, who: Principal, task_id: str) -> TaskSummary:
    """Return a task that somebody may see.

    Raises:
        TaskNotFound: there is none, or it is not theirs to see.
        ConnectionLost: the server does not answer.
    """
    try:
        task = await mesh.find_task(task_id)
    except TaskNotFound:
        if who.sees_all:
            raise  # it may say which agents have one
        raise TaskNotFound(task_id) from None
    if not who.sees(task.owner):
        raise TaskNotFound(task_id)
    return task


async def actionable_task(mesh: Mesh, who: Principal, task_id: str) -> TaskSummary:
    """Return a task that somebody may answer, cancel and replay.

    Raises:
        TaskNotFound: there is none, or it is not theirs to see.
        Refusal: 403, they may only see it.
    """
    task = await visible_task(mesh, who, task_id)
    if not who.acts_for(task.owner):
        raise Refusal(403, "role-needed", "This is somebody else's task: it needs an operator")
    return task


async def visible_tasks(
    mesh: Mesh,
    who: Principal,
    *,
    agent: str | None,
    states: list[str],
    context: str | None,
    before: str | None,
    limit: int,
) -> TaskPage:
    """Return a page of the tasks that somebody may see.

    Raises:
        InvalidAgentName: the name cannot be an agent's.
        InvalidCursor: `before` is no cursor.
        ConnectionLost: the server does not answer.
    """
    return await mesh.tasks(
        agent,
        state=states,
        context=context,
        owner=None if who.sees_all else who.user,
        before=before,
        limit=limit,
    )


async def expect_context(mesh: Mesh, who: Principal, context: str) -> None:
    """Refuse a conversation in which somebody has no task of their own.

    Raises:
        TaskNotFound: it is not theirs to see.
        ConnectionLost: the server does not answer.
    """
    if who.sees_all:
        return
    if not (await mesh.tasks(context=context, owner=who.user, limit=1)).tasks:
        raise TaskNotFound(context)
