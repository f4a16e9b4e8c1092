"""What people do on the mesh, the same by REST and by the live socket."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any, cast

import msgspec

from hubbub.errors import ConnectionLost, TaskNotFound
from hubbub.gateway.acts.forms import check_parameters
from hubbub.gateway.identity.ownership import actionable_task, expect_context, visible_task
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.live.people import tell_answered
from hubbub.gateway.problems import Refusal
from hubbub.gateway.records import models
from hubbub.gateway.records.views import START_MARK
from hubbub.gateway.state import Gateway
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.wire.clock import now
from hubbub.wire.codec import JSON
from hubbub.wire.events import TaskState
from hubbub.wire.ids import new_id
from hubbub.wire.names import agent_token
from hubbub.wire.replays import REPLAY
from hubbub.wire.reruns import RERUN

__all__ = [
    "answer_question",
    "cancel_task",
    "own_metadata",
    "run_again",
    "send_message",
    "start_task",
    "steer_task",
]

_OURS = (START_MARK, REPLAY, RERUN)


async def send_message(gateway: Gateway, who: Principal, said: models.MessageIn) -> models.Sent:
    """Send a message for somebody.

    Raises:
        Refusal: 422, a broadcast names an agent, or another message none; or its parameters are
            wrong; 429, too many messages of theirs wait there.
        HubbubError: it cannot be sent.
    """
    mesh, content = gateway.mesh, cast("JSON", said.content)
    metadata, message_id = own_metadata(said.metadata), new_id()
    if said.message_id is not None:
        message_id = _id_of_key(who.user, f"{said.kind} {said.message_id}")
    if said.kind == "broadcast":
        if said.agent is not None or said.context_id is not None:
            raise Refusal(422, "invalid-request", "A broadcast has no `agent` and no `context_id`")
        await mesh.broadcast_message(
            content, metadata={**metadata, "user": who.user}, message_id=message_id
        )
        return models.Sent(message_id=message_id, task_id=None)
    if said.agent is None:
        raise Refusal(422, "invalid-request", f"A {said.kind} message needs an `agent`")
    if said.context_id is not None:
        await expect_context(mesh, who, said.context_id)
    await check_parameters(mesh, said.agent, content, metadata, field="metadata.params")
    send = mesh.send_direct_message if said.kind == "direct" else mesh.handoff_to_agent
    priority = said.priority or (3 if said.kind == "direct" else 2)
    async with gateway.share(who.user, said.agent, priority):
        handle = await send(
            said.agent,
            content,
            metadata=metadata,
            priority=priority,
            context_id=said.context_id,
            message_id=message_id,
            owner=who.user,
        )
    gateway.metrics.tasks_started.inc()
    return models.Sent(message_id=handle.task_id, task_id=handle.task_id)


async def start_task(
    gateway: Gateway, who: Principal, start: models.TaskIn, key: str | None
) -> tuple[TaskSummary, bool]:
    """Start a task for somebody.

    Args:
        gateway: where.
        who: who will own it.
        start: what to do.
        key: under the same key a user gets the same task, on any gateway of the mesh.

    Returns:
        The task, and whether it is new.

    Raises:
        Refusal: 409, the key has been used for something else; 422, the parameters are wrong; 429,
            too many messages of theirs wait there.
        HubbubError: it cannot be started.
    """
    mesh, metadata = gateway.mesh, own_metadata(start.metadata)
    field = "metadata.params" if "params" in metadata and start.params is None else "params"
    if start.params is not None:
        metadata["params"] = start.params
    message_id, mark = None, ""
    if key is not None:
        message_id, mark = _id_of_key(who.user, key), _mark(start)
        metadata[START_MARK] = mark
        known = await _known(gateway, message_id)
        if known is not None:
            return _same(known, mark), False
    await check_parameters(mesh, start.agent, cast("JSON", start.content), metadata, field=field)
    async with gateway.share(who.user, start.agent, start.priority):
        handle = await mesh.send_direct_message(
            start.agent,
            cast("JSON", start.content),
            metadata=metadata,
            priority=start.priority,
            message_id=message_id,
            owner=who.user,
        )
    if key is not None:
        # Somebody may have been quicker with the same key, in this moment.
        stored = await _known(gateway, handle.task_id)
        if stored is not None:
            _same(stored, mark)
    moment = now()
    task = TaskSummary(
        id=handle.task_id,
        agent=start.agent,
        state=TaskState.SUBMITTED,
        context_id=handle.task_id,
        from_agent=mesh.name,
        content=cast("JSON", start.content),
        metadata=metadata,
        priority=start.priority,
        owner=who.user,
        created_at=moment,
        updated_at=moment,
    )
    gateway.metrics.tasks_started.inc()
    return task, True


async def run_again(
    gateway: Gateway, who: Principal, task_id: str, after: int | None
) -> TaskSummary:
    """Run a task again, for whom it was done.

    Raises:
        Refusal: 403, it is somebody else's.
        TaskNotFound: there is no such task, or it is not theirs to see.
        RerunRefused: nobody has begun with it, or its log has no such place.
    """
    source = await actionable_task(gateway.mesh, who, task_id)
    handle = await gateway.mesh.rerun_task(source.id, after)
    moment = now()
    gateway.metrics.tasks_started.inc()
    return TaskSummary(
        id=handle.task_id,
        agent=source.agent,
        state=TaskState.SUBMITTED,
        context_id=source.context_id,
        from_agent=source.from_agent,
        content=source.content,
        metadata=source.metadata,
        priority=source.priority,
        owner=source.owner,
        created_at=moment,
        updated_at=moment,
    )


async def answer_question(
    gateway: Gateway, who: Principal, task_id: str, answer: models.Answer
) -> models.Answered:
    """Answer a question of a task.

    Raises:
        Refusal: 403, it is somebody else's to answer.
        TaskNotFound: there is no such task, or it is not theirs to see.
        AlreadyAnswered: somebody was quicker.
        QuestionNotFound: the task does not ask that.
        InvalidAnswer: that is no answer to it.
    """
    mesh = gateway.mesh
    task = await actionable_task(mesh, who, task_id)
    given = answer.answer
    value = given.model_dump() if isinstance(given, models.Decision) else given
    question = await mesh.answer_task(
        task_id, cast("JSON", value), question_id=answer.question_id, by=who.user
    )
    gateway.metrics.answers.inc()
    # It counts from now on, also when nobody is there to take it in.
    with contextlib.suppress(ConnectionLost):  # it is stored: pages hear of it with the log
        await tell_answered(mesh, task.agent, task_id, task.context_id, question.id, who.user)
    return models.Answered(task_id=task_id, question_id=question.id, by=who.user)


async def steer_task(
    gateway: Gateway, who: Principal, task_id: str, note: models.NoteIn
) -> models.NoteSent:
    """Send a note to a task.

    Raises:
        Refusal: 403, it is somebody else's to steer.
        TaskNotFound: there is no such task, or it is not theirs to see.
        TaskFinished: it has ended.
        TooManyNotes: it has not read so many yet.
        InvalidMessage: the note says nothing.
    """
    mesh = gateway.mesh
    task = await actionable_task(mesh, who, task_id)
    handle = mesh.task(task.agent, task.id)
    note_id = await handle.steer(note.text, by=who.user, note_id=note.id)
    return models.NoteSent(task_id=task_id, id=note_id)


async def cancel_task(gateway: Gateway, who: Principal, task_id: str) -> TaskSummary:
    """Ask for the end of a task, and return the task as it stands.

    Raises:
        Refusal: 403, it is somebody else's to cancel.
        TaskNotFound: there is no such task, or it is not theirs to see.
    """
    mesh = gateway.mesh
    task = await actionable_task(mesh, who, task_id)
    await mesh.task(task.agent, task.id).cancel()
    return await visible_task(mesh, who, task_id)


def own_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what a client sends along, without what is ours to write.

    A request for a replay shows somebody's task, and so does a task that is run again: whether it
    may be seen is checked by its route.
    """
    return {key: value for key, value in metadata.items() if key not in _OURS}


def _id_of_key(user: str, key: str) -> str:
    # The user first, and no user name has a line break: nobody can make another's id.
    return "k" + hashlib.sha256(f"{user}\n{key}".encode()).hexdigest()[:48]


def _mark(start: models.TaskIn) -> str:
    facts = [agent_token(start.agent), start.content, start.params, start.metadata, start.priority]
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:32]


async def _known(gateway: Gateway, task_id: str) -> TaskSummary | None:
    try:
        return await gateway.mesh.find_task(task_id)
    except TaskNotFound:
        return None


def _same(task: TaskSummary, mark: str) -> TaskSummary:
    if task.metadata.get(START_MARK) != mark:
        raise Refusal(
            409,
            "idempotency-key-reused",
            "This idempotency key has started another task: use a new key for a new task",
            facts={"task_id": task.id},
        )
    return task
