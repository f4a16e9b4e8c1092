"""A task, found by its id alone: in its log, or where nobody has begun with it."""

from __future__ import annotations

from hubbub.errors import InvalidMessage, TaskNotFound
from hubbub.mesh.tasks.job import opened_task
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.tasks.summary import TaskSummary, of_log, of_message
from hubbub.mesh.tasks.unbegun import Unbegun, has_begun, read_waiting
from hubbub.mesh.tasks.untaken import with_what_waits
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import TASKS, expect_streams
from hubbub.wire.events import fold
from hubbub.wire.names import agent_token, check_message_id
from hubbub.wire.subjects import parse

__all__ = ["find_task", "is_unbegun"]


async def find_task(connection: Connection, task_id: str, unbegun: Unbegun) -> TaskSummary:
    """Return a task by its id alone.

    Args:
        connection: the mesh.
        task_id: the task.
        unbegun: where to look for a task that nobody has begun with.

    Raises:
        TaskNotFound: there is none, or several agents have one.
        ConnectionLost: the server does not answer.
    """
    try:
        check_message_id(task_id)
    except InvalidMessage:
        raise TaskNotFound(task_id) from None
    await expect_streams(connection)
    task = await _with_log(connection, task_id)
    if task is None:
        task = await _without_log(connection, task_id, unbegun)
    if task is None:
        # One that is claimed while we look leaves the inbox after its log has been looked for.
        task = await _with_log(connection, task_id)
    if task is None:
        raise TaskNotFound(task_id)
    return (await with_what_waits(connection, [task]))[0]


async def is_unbegun(connection: Connection, agent: str, task_id: str, unbegun: Unbegun) -> bool:
    """Tell whether a task of an agent waits in its inbox, and nobody has begun with it.

    Args:
        connection: the mesh.
        agent: token of the agent.
        task_id: the task.
        unbegun: where to look for it.

    Raises:
        ConnectionLost: the server does not answer.
    """
    task = await _without_log(connection, task_id, unbegun)
    return task is not None and agent_token(task.agent) == agent


async def _with_log(connection: Connection, task_id: str) -> TaskSummary | None:
    subject = connection.layout.log("*", task_id)
    answer = await connection.api(f"STREAM.INFO.{TASKS}", {"subjects_filter": subject})
    subjects: dict[str, int] = answer["state"].get("subjects") or {}
    logs = [parse(subject) for subject in subjects]
    agents = sorted(address.agent for address in logs if address is not None)
    if len(agents) > 1:
        raise TaskNotFound(task_id, f"several agents have one: {', '.join(agents)}")
    if not agents:
        return None
    events = await read_log(connection, agents[0], task_id)
    return of_log(agents[0], task_id, fold(event for _, event in events))


async def _without_log(
    connection: Connection, task_id: str, unbegun: Unbegun
) -> TaskSummary | None:
    stored = await unbegun.find(task_id)
    opener = None if stored is None else read_waiting(connection, stored)
    if stored is None or opener is None:
        return None
    agent, message = opener
    if opened_task(stored, message) != task_id or await has_begun(connection, agent, task_id):
        return None
    return of_message(agent, task_id, stored, message)
