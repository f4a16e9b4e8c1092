"""Lists of tasks, in pages, the one that changed last first: from their logs and the inboxes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.errors import InvalidAgentName, InvalidCursor, InvalidMessage, TaskNotFound
from hubbub.mesh.tasks.job import opened_task, read_opener
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.backwards import Backwards
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import CONTEXT, OWNER, PARENT, RETRY_OF, read_pair
from hubbub.mesh.transport.streams import INBOX, TASKS, expect_streams
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskEvent, TaskSnapshot, TaskState, fold, state_after
from hubbub.wire.names import agent_token, check_message_id
from hubbub.wire.questions import Question
from hubbub.wire.subjects import parse

__all__ = ["TaskPage", "TaskSummary", "find_task", "list_tasks"]

_AT_ONCE = 32
_FIRST_READ = 128


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
        questions: what people are asked and have not answered yet; of a task in a list, only
            while it is at rest.
        owner: the person that it is done for; empty if nobody in particular.
        usage: what model calls have used, as far as that is known.
        version: the version of the workflow that it began with.
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
    created_at: str = ""
    updated_at: str = ""


class TaskPage(msgspec.Struct, frozen=True):
    """Some tasks, and how to ask for more.

    Attributes:
        tasks: the one that changed last first.
        before: where the next page begins; None if there is none.
    """

    tasks: list[TaskSummary]
    before: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A task that was come across: its last event, or its entry in the inbox.

    Attributes:
        stored: the event or the entry.
        agent: token of the agent it was given to.
        task_id: the task.
        state: where it stands.
        message: what waits in the inbox; None for a task that has a log.
    """

    stored: StoredMessage
    agent: str
    task_id: str
    state: TaskState
    message: AgentMessage | None = None


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Up to where the two streams have been read."""

    log: int | None = None
    inbox: int | None = None

    @classmethod
    def read(cls, text: str | None) -> _Cursor:
        if text is None:
            return cls()
        try:
            log, inbox = (int(number) or None for number in text.split("-"))
        except ValueError:
            raise InvalidCursor(f"{text[:40]!r} is not where a page of tasks begins") from None
        return cls(log, inbox)

    def __str__(self) -> str:
        return f"{self.log or 0}-{self.inbox or 0}"


async def list_tasks(
    connection: Connection,
    *,
    agent: str | None = None,
    states: Collection[TaskState] = (),
    context: str | None = None,
    owner: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> TaskPage:
    """Return a page of tasks, the one that changed last first.

    Args:
        connection: the mesh.
        agent: token of the agent whose tasks are wanted; None for those of all.
        states: only tasks in one of these states; all if empty.
        context: only tasks of this conversation.
        owner: only tasks that are done for this person.
        before: where an earlier page ended.
        limit: how many at the most.

    Raises:
        InvalidCursor: `before` is no cursor.
        ConnectionLost: the server does not answer.
    """
    cursor = _Cursor.read(before)
    await expect_streams(connection)
    wanted = frozenset(states) or frozenset(TaskState)
    whose = agent or "*"
    marks = {CONTEXT: context, OWNER: owner}
    wanted_marks = {name: mark for name, mark in marks.items() if mark is not None}
    begun = await _take(_begun(connection, whose, wanted, wanted_marks, cursor.log), limit + 1)
    waiting: list[_Found] = []
    if TaskState.SUBMITTED in wanted:
        waiting = await _take(_waiting(connection, whose, context, owner, cursor.inbox), limit + 1)
    merged = sorted([*begun, *waiting], key=lambda found: found.stored.time, reverse=True)
    shown, more = merged[:limit], len(merged) > limit
    for found in shown:
        if found.message is None:
            cursor = _Cursor(found.stored.sequence, cursor.inbox)
        else:
            cursor = _Cursor(cursor.log, found.stored.sequence)
    summaries: list[TaskSummary] = []
    for start in range(0, len(shown), _AT_ONCE):
        some = [_summarized(connection, found) for found in shown[start : start + _AT_ONCE]]
        summaries += await asyncio.gather(*some)
    return TaskPage(summaries, str(cursor) if more else None)


async def find_task(connection: Connection, task_id: str) -> TaskSummary:
    """Return a task by its id alone.

    Raises:
        TaskNotFound: there is none, or several agents have one.
        ConnectionLost: the server does not answer.
    """
    try:
        subject = connection.layout.log("*", check_message_id(task_id))
    except InvalidMessage:
        raise TaskNotFound(task_id) from None
    await expect_streams(connection)
    for _ in range(2):
        # One that is claimed while we look leaves the inbox after its log has been looked for.
        if (task := await _look_for(connection, subject, task_id)) is not None:
            return task
    raise TaskNotFound(task_id)


async def _look_for(connection: Connection, subject: str, task_id: str) -> TaskSummary | None:
    answer = await connection.api(f"STREAM.INFO.{TASKS}", {"subjects_filter": subject})
    subjects: dict[str, int] = answer["state"].get("subjects") or {}
    logs = [parse(subject) for subject in subjects]
    agents = sorted(address.agent for address in logs if address is not None)
    if len(agents) > 1:
        raise TaskNotFound(task_id, f"several agents have one: {', '.join(agents)}")
    if agents:
        events = await read_log(connection, agents[0], task_id)
        return _of_log(agents[0], task_id, fold(event for _, event in events))
    async with contextlib.aclosing(_waiting(connection, "*", None, None, None)) as entries:
        async for found in entries:
            if found.task_id == task_id:
                return await _summarized(connection, found)
    return None


async def _take(items: AsyncGenerator[_Found], number: int) -> list[_Found]:
    taken: list[_Found] = []
    async with contextlib.aclosing(items):
        async for item in items:
            taken.append(item)
            if len(taken) == number:
                break
    return taken


async def _begun(
    connection: Connection,
    agent: str,
    states: Collection[TaskState],
    marks: dict[str, str],
    before: int | None,
) -> AsyncGenerator[_Found]:
    """Yield the tasks that have a log, by their last event."""
    seen: set[str] = set()
    subject = connection.layout.log(agent, "*")
    async for stored in _newest_first(connection, TASKS, subject, before):
        if stored.subject in seen:
            continue
        seen.add(stored.subject)
        if any(stored.headers.get(name) != mark for name, mark in marks.items()):
            continue
        state = _state_behind(stored)
        address = parse(stored.subject)
        if address is None or state not in states:
            continue
        if before is not None:
            last = await connection.last_of(TASKS, stored.subject)
            if last is None or last.sequence != stored.sequence:
                continue  # it stands on an earlier page
        yield _Found(stored, address.agent, address.task_id, state)


async def _newest_first(
    connection: Connection, stream: str, subject: str, before: int | None
) -> AsyncGenerator[StoredMessage]:
    """Yield what a stream holds on a subject now, from the end."""
    state = (await connection.api(f"STREAM.INFO.{stream}"))["state"]
    last = int(state["last_seq"]) if before is None else before - 1
    first = int(state["first_seq"])
    walk = Backwards(connection, stream, subject, last=last, first=first, want=_FIRST_READ)
    while (stored := await walk.head()) is not None:
        walk.take()
        yield stored


def _state_behind(stored: StoredMessage) -> TaskState:
    """Return the state that an event led to; what only tells something happens at work."""
    return state_after(TaskState.WORKING, TaskEvent.from_bytes(stored.data).kind)


async def _waiting(
    connection: Connection,
    agent: str,
    context: str | None,
    owner: str | None,
    before: int | None,
) -> AsyncGenerator[_Found]:
    """Yield what waits in inboxes and has no log yet."""
    async for stored in _newest_first(connection, INBOX, f"agents.direct.{agent}.>", before):
        address = parse(stored.subject)
        if address is None or address.kind != "direct":
            continue
        try:
            message = read_opener(stored, to_agent=address.agent, secured=connection.layout.secured)
        except InvalidMessage:
            continue  # it will be a dead letter
        if owner is not None and stored.headers.get(OWNER, "") != owner:
            continue
        if context is not None and message.conversation != context:
            continue
        task_id = opened_task(stored, message)
        if await connection.last_of(TASKS, connection.layout.log(address.agent, task_id)) is None:
            yield _Found(stored, address.agent, task_id, TaskState.SUBMITTED, message)


async def _summarized(connection: Connection, found: _Found) -> TaskSummary:
    if found.message is not None:
        message, stored = found.message, found.stored
        return TaskSummary(
            id=found.task_id,
            agent=_display(found.agent, message.to_agent),
            state=found.state,
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
    last = TaskEvent.from_bytes(found.stored.data)
    if "attempt" in last.data:
        # Between the first and the last event nothing matters for a list.
        first = await connection.read_some(TASKS, subject=found.stored.subject, limit=1)
        ends = {one.sequence: one for one in [*first, found.stored]}
        events = [TaskEvent.from_bytes(one.data) for one in ends.values()]
    else:
        events = [event for _, event in await read_log(connection, found.agent, found.task_id)]
    number = last.data.get("attempt")
    attempt = number if type(number) is int else None
    return _of_log(found.agent, found.task_id, fold(events), attempt=attempt)


def _of_log(
    agent: str, task_id: str, snapshot: TaskSnapshot, *, attempt: int | None = None
) -> TaskSummary:
    message = snapshot.message
    return TaskSummary(
        id=task_id,
        agent=_display(agent, message.get("to_agent")),
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


def _display(agent: str, to_agent: object) -> str:
    """Return the display name of an agent if the message has it, else its token."""
    with contextlib.suppress(InvalidAgentName):
        if isinstance(to_agent, str) and agent_token(to_agent) == agent:
            return to_agent
    return agent
