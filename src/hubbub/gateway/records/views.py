"""Records of the mesh, as they are shown over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from hubbub.gateway.records import models
from hubbub.gateway.records.said import Asked, files_of, task_of, user_of
from hubbub.mesh.history.entries import HistoryEntry
from hubbub.mesh.letters.reading import DeadLetter
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.questions import Question

__all__ = ["START_MARK", "agent_view", "letter_view", "message_view", "question_view", "task_view"]

START_MARK = "hubbub_start"
"""In the metadata of a task that was started under a key: hash of what its starter asked for."""


def agent_view(card: AgentCard) -> models.Agent:
    """Return an agent as it is shown."""
    facts = msgspec.to_builtins(card)
    metadata = dict(facts.pop("metadata"))
    metadata.pop("input_schema", None)
    return models.Agent(
        **facts,
        metadata=metadata,
        input_schema=card.input_schema or None,
        online=card.status is not AgentStatus.OFFLINE,
    )


def question_view(question: Question) -> models.Question:
    """Return a question as it is shown."""
    return models.Question(**msgspec.structs.asdict(question))


def task_view(task: TaskSummary) -> models.Task:
    """Return a task as it is shown."""
    return models.Task(
        id=task.id,
        agent=task.agent,
        state=task.state,
        context_id=task.context_id,
        content=task.content,
        metadata=_shown(task.metadata),
        result=task.result,
        error=task.error,
        questions=[question_view(question) for question in task.questions],
        owner=task.owner,
        from_agent=task.from_agent,
        attempt=task.attempt,
        usage=task.usage,
        priority=task.priority,
        parent_id=task.parent[1] if task.parent else None,
        retry_of=task.retry_of,
        version=task.version,
        held_up=task.held_up,
        created_at=task.created_at,
        updated_at=task.updated_at,
    )


def message_view(entry: HistoryEntry, asked: Asked) -> models.MessageOut:
    """Return what was said as it is shown.

    Args:
        entry: what was said.
        asked: what was said before it.
    """
    message = entry.message
    return models.MessageOut(
        kind=entry.kind,
        from_agent=message.from_agent,
        to_agent=entry.to_agent,
        content=message.content,
        metadata=_shown(message.metadata),
        message_id=message.message_id,
        in_reply_to=message.in_reply_to,
        context_id=message.conversation,
        priority=message.priority,
        failed=entry.failed,
        at=entry.at,
        user=user_of(entry),
        task_id=task_of(entry),
        latency_ms=asked.latency_ms(entry),
        files=[models.FileRef(**file) for file in files_of(message.metadata)],
    )


def letter_view(letter: DeadLetter) -> models.DeadLetter:
    """Return a dead letter as it is shown."""
    return models.DeadLetter(
        id=letter.id,
        agent=letter.agent,
        task_id=letter.task_id,
        kind=letter.kind,
        reason=letter.reason,
        errors=list(letter.errors),
        payload=letter.text,
        truncated=letter.truncated,
        sequence=letter.sequence,
        at=letter.at,
    )


def _shown(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key != START_MARK}
