"""What a sender hears when its task has ended: a `response` that sets nobody to work."""

from __future__ import annotations

from typing import Any

from hubbub.mesh.connection import Connection
from hubbub.mesh.headers import MESSAGE_ID
from hubbub.mesh.outbox import store
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskSnapshot, TaskState
from hubbub.wire.names import agent_token

__all__ = ["report_completion"]


async def report_completion(
    connection: Connection,
    agent: str,
    message: AgentMessage,
    task_id: str,
    end: TaskSnapshot,
    *,
    origin: tuple[str, str] | None,
) -> None:
    """Store the completion of a task for its sender, and for who began the chain of handoffs.

    Args:
        connection: the mesh.
        agent: display name of the agent that worked on it.
        message: what opened the task.
        task_id: the task.
        end: how it ended.
        origin: sender and message id at the beginning of the chain.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    sender = message.from_agent, message.message_id
    await _report(connection, agent, message, task_id, end, *sender)
    if origin is not None and origin != sender:
        await _report(connection, agent, message, task_id, end, *origin)


async def _report(
    connection: Connection,
    agent: str,
    message: AgentMessage,
    task_id: str,
    end: TaskSnapshot,
    to_agent: str,
    in_reply_to: str,
) -> None:
    metadata: dict[str, Any] = {"task_id": task_id, "state": str(end.state)}
    if end.error:
        metadata["error"] = end.error
    receiver = agent_token(to_agent)
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
    await store(
        connection,
        connection.layout.done(receiver),
        completion.to_bytes(),
        headers={MESSAGE_ID: f"{task_id}.done.{receiver}.{in_reply_to}"},
    )
