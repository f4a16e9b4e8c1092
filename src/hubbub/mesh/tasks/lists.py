"""Lists of tasks, in pages, the one that changed last first: from their logs and the inboxes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass

import msgspec

from hubbub.errors import InvalidCursor, InvalidMessage
from hubbub.mesh.tasks.job import opened_task
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.tasks.summary import TaskSummary, of_log, of_message
from hubbub.mesh.tasks.unbegun import has_begun, read_waiting
from hubbub.mesh.tasks.untaken import with_what_waits
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.backwards import Backwards
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import CONTEXT, OWNER
from hubbub.mesh.transport.streams import INBOX, TASKS, expect_streams
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskEvent, TaskState, fold, state_after
from hubbub.wire.names import agent_token
from hubbub.wire.subjects import parse

__all__ = ["TaskPage", "list_tasks", "summaries_of"]

log = logging.getLogger("hubbub.tasks")

_AT_ONCE = 32
_FIRST_READ = 128


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
    summaries = await _summarized(connection, shown)
    summaries = await with_what_waits(connection, summaries)
    return TaskPage(summaries, str(cursor) if more else None)


async def summaries_of(
    connection: Connection, tasks: Collection[tuple[str, str]]
) -> dict[tuple[str, str], TaskSummary]:
    """Return those of some tasks that have a log, by agent token and id, as lists show them.

    Raises:
        ConnectionLost: the server does not answer.
    """
    subjects = {connection.layout.log(agent, task_id): (agent, task_id) for agent, task_id in tasks}
    last = await connection.last_of_each(TASKS, [*subjects])
    found = [
        _Found(stored, *subjects[subject], state)
        for subject, stored in last.items()
        if (state := _state_behind(stored)) is not None
    ]
    return {(agent_token(one.agent), one.id): one for one in await _summarized(connection, found)}


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
        if address is None or state is None or state not in states:
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


def _state_behind(stored: StoredMessage) -> TaskState | None:
    """Return the state that an event led to; None for what is none.

    What only tells something happens at work.
    """
    try:
        return state_after(TaskState.WORKING, TaskEvent.from_bytes(stored.data).kind)
    except InvalidMessage as error:
        log.warning("%s is left out of lists: %s", stored.subject, error)
        return None


async def _waiting(
    connection: Connection,
    agent: str,
    context: str | None,
    owner: str | None,
    before: int | None,
) -> AsyncGenerator[_Found]:
    """Yield what waits in inboxes and has no log yet."""
    async for stored in _newest_first(connection, INBOX, f"agents.direct.{agent}.>", before):
        if owner is not None and stored.headers.get(OWNER, "") != owner:
            continue
        opener = read_waiting(connection, stored)
        if opener is None:
            continue
        agent, message = opener
        if context is not None and message.conversation != context:
            continue
        task_id = opened_task(stored, message)
        if not await has_begun(connection, agent, task_id):
            yield _Found(stored, agent, task_id, TaskState.SUBMITTED, message)


async def _summarized(connection: Connection, found: list[_Found]) -> list[TaskSummary]:
    """Return what lists show of tasks, without those whose log breaks its rules."""
    summaries: list[TaskSummary | None] = []
    for start in range(0, len(found), _AT_ONCE):
        some = [_summary(connection, one) for one in found[start : start + _AT_ONCE]]
        summaries += await asyncio.gather(*some)
    return [one for one in summaries if one is not None]


async def _summary(connection: Connection, found: _Found) -> TaskSummary | None:
    if found.message is not None:
        return of_message(found.agent, found.task_id, found.stored, found.message)
    last = TaskEvent.from_bytes(found.stored.data)
    number = last.data.get("attempt")
    attempt = number if type(number) is int else None
    try:
        if "attempt" in last.data:
            # Between the first and the last event nothing matters for a list.
            first = await connection.read_some(TASKS, subject=found.stored.subject, limit=1)
            ends = {one.sequence: one for one in [*first, found.stored]}
            events = [TaskEvent.from_bytes(one.data) for one in ends.values()]
        else:
            events = [event for _, event in await read_log(connection, found.agent, found.task_id)]
        return of_log(found.agent, found.task_id, fold(events), attempt=attempt)
    except InvalidMessage as error:
        log.warning("%s is left out of lists: %s", found.stored.subject, error)
        return None
