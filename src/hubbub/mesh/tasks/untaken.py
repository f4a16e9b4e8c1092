"""What waits with tasks: answers that they have not taken in yet, and somebody to go on."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.presence.cards import Instance, instances_of
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire.events import TaskState
from hubbub.wire.inputs import Answer, answer_key
from hubbub.wire.names import agent_token
from hubbub.wire.questions import Question

__all__ = ["with_what_waits"]


async def with_what_waits(connection: Connection, tasks: list[TaskSummary]) -> list[TaskSummary]:
    """Return tasks with the answers that are stored for them, and with why nobody goes on.

    Raises:
        ConnectionLost: the server does not answer.
    """
    answers = await _answers(connection, tasks)
    tasks = [_answered(connection, task, answers) for task in tasks]
    agents = sorted({agent_token(task.agent) for task in tasks if _can_go_on(task)})
    found = await asyncio.gather(*(instances_of(connection, agent) for agent in agents))
    instances = dict(zip(agents, found, strict=True))
    return [
        msgspec.structs.replace(task, held_up=_reason(task, instances[agent_token(task.agent)]))
        if _can_go_on(task)
        else task
        for task in tasks
    ]


async def _answers(connection: Connection, tasks: list[TaskSummary]) -> dict[str, Answer]:
    """Return the answers that lie in the inputs of some tasks, by their subjects."""
    subjects = [
        _subject(connection, task, question) for task in tasks for question in task.questions
    ]
    if not subjects:
        return {}
    answers: dict[str, Answer] = {}
    for subject, stored in (await connection.last_of_each(WAKE, subjects)).items():
        with contextlib.suppress(InvalidMessage):  # whoever wrote it: the task has no use for it
            answers[subject] = Answer.from_bytes(stored.data)
    return answers


def _subject(connection: Connection, task: TaskSummary, question: Question) -> str:
    return connection.layout.input(agent_token(task.agent), task.id, answer_key(question.id))


def _answered(connection: Connection, task: TaskSummary, answers: dict[str, Answer]) -> TaskSummary:
    questions: list[Question] = []
    for question in task.questions:
        answer = answers.get(_subject(connection, task, question))
        if answer is not None:
            question = msgspec.structs.replace(
                question, answered_by=answer.by, answered_at=answer.at
            )
        questions.append(question)
    return msgspec.structs.replace(task, questions=questions) if questions else task


def _can_go_on(task: TaskSummary) -> bool:
    """Tell whether it is somebody else's turn than a person's."""
    if task.state is TaskState.INPUT_REQUIRED:
        return any(question.answered_at for question in task.questions)
    return not task.state.is_final


def _reason(task: TaskSummary, instances: list[Instance]) -> str:
    if not instances:
        return f"nobody serves {task.agent}"
    has_begun = bool(task.version or task.attempt)
    if has_begun and not any(instance.takes(task.version) for instance in instances):
        return f"nobody serves version {task.version!r} of {task.agent}"
    return ""
