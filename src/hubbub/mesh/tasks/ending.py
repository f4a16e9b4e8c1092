"""What follows the final event of a task; doing it again changes nothing (DESIGN 5.1).

The order is always the same: dead letter if failed, cancellation of what it had opened if
canceled, completion to the sender, and only then the acknowledgement that removes the message.
"""

from __future__ import annotations

import contextlib

from hubbub.errors import HubbubError
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.completion import report_completion
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.tasks.inputs import tell_parent
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire.card import AgentCard
from hubbub.wire.events import TaskSnapshot, TaskState, fold

__all__ = ["conclude"]


async def conclude(
    connection: Connection,
    card: AgentCard,
    job: Job,
    end: TaskSnapshot,
    *,
    was_told_to_end: bool,
    again: bool,
) -> None:
    """Do what follows the final event, up to the acknowledgement, which is the caller's.

    Args:
        connection: the mesh.
        card: the agent that worked on it.
        job: the task.
        end: how it ended.
        was_told_to_end: whether an input that asks for its end may be left over.
        again: whether this is a redelivery, so that some of it may have been done.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    if end.state is TaskState.FAILED:
        await bury(
            connection,
            card.token,
            job.task_id,
            job.opener,
            reason=end.error,
            errors=[*end.errors, end.error],
        )
    if end.state is TaskState.CANCELED:
        await _cancel_children(connection, card.token, job.task_id)
    await tell_parent(connection, card.token, job.task_id, job.opener.headers, end)
    await report_completion(
        connection,
        card.name,
        job.message,
        job.task_id,
        end,
        origin=job.origin,
        retry_of=job.retry_of,
        again=again,
    )
    if was_told_to_end or end.state is TaskState.CANCELED:
        await _forget_inputs(connection, card.token, job.task_id)


async def _cancel_children(connection: Connection, agent: str, task_id: str) -> None:
    """Ask for the end of everything that a canceled task has opened; they pass that on."""
    events = await read_log(connection, agent, task_id)
    for child_agent, child_id in fold(event for _, event in events).sent:
        await TaskHandle(connection, child_agent, child_id).cancel()


async def _forget_inputs(connection: Connection, agent: str, task_id: str) -> None:
    """Remove what was to tell a task to end."""
    subject = connection.layout.input(agent, task_id, "*")
    with contextlib.suppress(HubbubError):  # the janitor removes what is left
        await connection.api(f"STREAM.PURGE.{WAKE}", {"filter": subject})
