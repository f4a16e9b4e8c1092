"""What a sender hears when its task has ended: a `response` that sets nobody to work."""

from __future__ import annotations

from typing import Any

from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID
from hubbub.mesh.transport.streams import NOTICES
from hubbub.wire import clock
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskSnapshot, TaskState
from hubbub.wire.names import agent_token

__all__ = ["report_completion"]

# Within its window of two minutes the server tells a repetition itself.
_TOLD_APART_SECONDS = 60.0
_CLOCKS_DIFFER_SECONDS = 300.0


async def report_completion(
    connection: Connection,
    agent: str,
    message: AgentMessage,
    task_id: str,
    end: TaskSnapshot,
    *,
    origin: tuple[str, str] | None,
    retry_of: str = "",
    again: bool = False,
) -> None:
    """Store the completion of a task for its sender, and for who began the chain of handoffs.

    Args:
        connection: the mesh.
        agent: display name of the agent that worked on it.
        message: what opened the task.
        task_id: the task.
        end: how it ended.
        origin: sender and message id at the beginning of the chain.
        retry_of: the failed task that this one tried again.
        again: whether somebody else may have stored it before.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    metadata: dict[str, Any] = {"task_id": task_id, "state": str(end.state)}
    if end.error:
        metadata["error"] = end.error
    if retry_of:
        metadata["retry_of"] = retry_of
    sender = message.from_agent, message.message_id
    receivers = [sender] if origin is None or origin == sender else [sender, origin]
    for to_agent, in_reply_to in receivers:
        completion = AgentMessage(
            message_type="response",
            from_agent=agent,
            to_agent=to_agent,
            content=end.result if end.state is TaskState.COMPLETED else end.error,
            metadata=metadata,
            in_reply_to=in_reply_to,
            priority=message.priority,
            context_id=message.conversation,
            hops=message.hops,
        )
        token = agent_token(to_agent)
        subject = connection.layout.done(token)
        message_id = f"{task_id}.done.{token}.{in_reply_to}"
        if (again or _is_late(end)) and await _is_there(connection, subject, message_id, end):
            continue
        await store(connection, subject, completion.to_bytes(), headers={MESSAGE_ID: message_id})


def _is_late(end: TaskSnapshot) -> bool:
    """Tell whether the end is so long ago that others may have reported it, and it be forgotten."""
    if not end.updated_at:
        return False
    return clock.seconds() - clock.read_iso(end.updated_at) > _TOLD_APART_SECONDS


async def _is_there(
    connection: Connection, subject: str, message_id: str, end: TaskSnapshot
) -> bool:
    """Look for a completion among what the receiver has been told since the task ended."""
    start: int | str = 1
    if end.updated_at:
        start = clock.iso(clock.read_iso(end.updated_at) - _CLOCKS_DIFFER_SECONDS)
    told = await connection.read_back(NOTICES, subject, start=start)
    return any(notice.headers.get(MESSAGE_ID) == message_id for notice in told)
