"""What a task is told from outside: written once, taken in by its owner (DESIGN 5.13)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.job import Job, Stored
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import EXPECTED_SEQUENCE, NOT_BEFORE, PARENT, read_pair
from hubbub.mesh.transport.streams import TASKS, WAKE
from hubbub.wire import clock
from hubbub.wire.codec import encode
from hubbub.wire.events import TaskEvent, TaskSnapshot
from hubbub.wire.inputs import CANCEL, DEADLINE_KEY, ChildEnd, child_key, settling, timer_key

__all__ = ["is_of_use", "read_inputs", "set_timers", "tell_parent", "write_input"]

# More is read from the child's own log by whoever wants it.
_MOST_RESULT_BYTES = 128 * 1024


async def write_input(
    connection: Connection,
    agent: str,
    task_id: str,
    key: str,
    data: bytes,
    *,
    not_before: float | None = None,
) -> bool:
    """Tell a task something; tell whether nobody has told it that before.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        key: what it is about; the first input of a key wins.
        data: the payload.
        not_before: when it is to be taken in, in seconds since 1970.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    subject = connection.layout.input(agent, task_id, key)
    headers = {EXPECTED_SEQUENCE: "0"}
    if not_before is not None:
        headers[NOT_BEFORE] = clock.iso(not_before)
    try:
        await store(connection, subject, data, headers=headers)
    except APIError as error:
        if not error.is_fence:
            raise
        return False
    return True


async def read_inputs(connection: Connection, agent: str, task_id: str) -> list[StoredMessage]:
    """Return what a task has been told and not taken in yet.

    Raises:
        ConnectionLost: the server does not answer.
    """
    return await connection.read_back(WAKE, connection.layout.input(agent, task_id, "*"))


def is_of_use(key: str, delivery: Stored, job: Job) -> bool:
    """Tell whether a task can still take in an input.

    Args:
        key: the input's key.
        delivery: the input.
        job: the task, with what is on record.
    """
    if key in (CANCEL, DEADLINE_KEY):
        return True
    with contextlib.suppress(InvalidMessage):
        return settling(key, delivery.data, job.recording) is not None
    return False


async def set_timers(
    connection: Connection, agent: str, task_id: str, times: Mapping[str, float], deadline: float
) -> None:
    """Have a task woken when the time of one of its calls comes, or its own.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        times: keys of its calls, and when their time comes, in seconds since 1970.
        deadline: when it must have ended, in seconds since 1970; infinite if it may take its time.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    timers = {timer_key(call): until for call, until in times.items()}
    if deadline < float("inf"):
        timers[DEADLINE_KEY] = deadline
    for key, until in timers.items():
        await write_input(connection, agent, task_id, key, b"{}", not_before=until)


async def tell_parent(
    connection: Connection,
    agent: str,
    task_id: str,
    headers: Mapping[str, str],
    end: TaskSnapshot,
) -> None:
    """Tell the task that opened this one how it ended, if that one still goes on.

    Args:
        connection: the mesh.
        agent: token of the agent that worked on it.
        task_id: the task.
        headers: of the message that opened it.
        end: how it ended.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    parent = read_pair(headers.get(PARENT))
    if parent is None:
        return
    last = await connection.last_of(TASKS, connection.layout.log(*parent))
    if last is None or _is_final(last):
        return
    whole = len(encode(end.result)) <= _MOST_RESULT_BYTES
    told = ChildEnd(
        agent=agent,
        task_id=task_id,
        state=end.state,
        result=end.result if whole else None,
        error=end.error,
        whole=whole,
    )
    await write_input(connection, *parent, child_key(task_id), told.to_bytes())


def _is_final(stored: StoredMessage) -> bool:
    with contextlib.suppress(InvalidMessage):
        return TaskEvent.from_bytes(stored.data).is_final
    return False
