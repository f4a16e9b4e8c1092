"""A task, as lists show it: made of its log, or of the message that waits in an inbox."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from hubbub.errors import InvalidAgentName
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.headers import OWNER, PARENT, RETRY_OF, read_pair
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskSnapshot, TaskState
from hubbub.wire.names import agent_token
from hubbub.wire.questions import Question

__all__ = ["TaskSummary", "of_log", "of_message"]


class TaskSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A task, as lists show it.

    Attributes:
        id: the task's id.
        agent: display name of the agent that it was given to.
        state: where it stands.
        context_id: the conversation it belongs to.
        from_agent: who opened it.
        content: what is to be done.
        metadata: what was sent along.
        priority: 1 (most urgent) to 5.
        result: what the handler returned, once completed.
        error: why it failed, was rejected or canceled, or why the last attempt failed.
        attempt: how many attempts have begun.
        parent: agent token and id of the task that opened it.
        retry_of: the failed task that this one tries again.
        questions: what people are asked, as long as the task has not taken an answer in; of a task
            in a list, only while it is at rest.
        owner: the person that it is done for; empty if nobody in particular.
        usage: what model calls have used, as far as that is known.
        version: the version of the workflow that it began with.
        held_up: why nobody goes on with it although it could go on; empty if somebody may.
        created_at: when it was sent, ISO 8601.
        updated_at: when something happened to it last, ISO 8601.
    """

    id: str
    agent: str
    state: TaskState
    context_id: str
    from_agent: str
    content: JSON
    metadata: dict[str, Any]
    priority: int
    result: JSON = None
    error: str = ""
    attempt: int = 0
    parent: tuple[str, str] | None = None
    retry_of: str = ""
    questions: list[Question] = msgspec.field(default_factory=list[Question])
    owner: str = ""
    usage: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    version: str = ""
    held_up: str = ""
    created_at: str = ""
    updated_at: str = ""


def of_log(
    agent: str, task_id: str, snapshot: TaskSnapshot, *, attempt: int | None = None
) -> TaskSummary:
    """Return a task as its log tells it.

    Args:
        agent: token of the agent it was given to.
        task_id: the task.
        snapshot: what its log adds up to.
        attempt: how many attempts have begun, if the snapshot is not of the whole log.
    """
    message = snapshot.message
    return TaskSummary(
        id=task_id,
        agent=_displayed(agent, message.get("to_agent")),
        state=snapshot.state,
        context_id=str(message.get("context_id") or message.get("message_id") or ""),
        from_agent=str(message.get("from_agent", "")),
        content=message.get("content"),
        metadata=message.get("metadata") or {},
        priority=message.get("priority") or 3,
        result=snapshot.result,
        error=snapshot.error or (snapshot.errors[-1] if snapshot.errors else ""),
        attempt=snapshot.attempts + snapshot.is_parked if attempt is None else attempt,
        parent=snapshot.parent,
        retry_of=snapshot.retry_of,
        questions=snapshot.questions,
        owner=snapshot.owner,
        usage=snapshot.usage,
        version=snapshot.version,
        created_at=snapshot.created_at,
        updated_at=snapshot.updated_at,
    )


def of_message(
    agent: str, task_id: str, stored: StoredMessage, message: AgentMessage
) -> TaskSummary:
    """Return a task that nobody has begun with, as it lies in the inbox."""
    return TaskSummary(
        id=task_id,
        agent=_displayed(agent, message.to_agent),
        state=TaskState.SUBMITTED,
        context_id=message.conversation,
        from_agent=message.from_agent,
        content=message.content,
        metadata=message.metadata,
        priority=message.priority,
        parent=read_pair(stored.headers.get(PARENT)),
        retry_of=stored.headers.get(RETRY_OF, ""),
        owner=stored.headers.get(OWNER, ""),
        created_at=stored.time,
        updated_at=stored.time,
    )


def _displayed(agent: str, to_agent: object) -> str:
    """Return the display name of an agent if the message has it, else its token."""
    with contextlib.suppress(InvalidAgentName):
        if isinstance(to_agent, str) and agent_token(to_agent) == agent:
            return to_agent
    return agent
