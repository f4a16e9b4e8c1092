"""The log of a task: appended by its owner alone, read and followed by anybody (DESIGN 5.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import CONTEXT, EXPECTED_SEQUENCE, OWNER, WRITE
from hubbub.mesh.transport.streams import TASKS
from hubbub.wire.events import FINAL_KINDS, EventKind, TaskEvent, TaskState, state_after
from hubbub.wire.ids import new_id

__all__ = ["Fenced", "LoggedEvent", "TaskLog", "follow_log", "read_log"]

_FIRST_PAUSE_SECONDS = 0.001
_LAST_PAUSE_SECONDS = 1.0
_MOST_REFUSALS = 3
_FIRST_QUIET_SECONDS = 0.05
_LAST_QUIET_SECONDS = 30.0

LoggedEvent = tuple[int, TaskEvent]
"""An event and its sequence in the stream of all logs."""

_LAST_KINDS = FINAL_KINDS | {
    EventKind.RELEASED,
    EventKind.RETRYING,
    EventKind.PARKED,
    EventKind.WAITING,
}


class Fenced(BaseException):
    """Somebody else has written to the log: this process does not own the task any more.

    Not an `Exception`, so that no handler takes it for a failure of its own.
    """


class TaskLog:
    """Writes the log of one task, each event fenced by the sequence of the last.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        context: the conversation it belongs to.
        owner: the person that it is done for; empty if nobody in particular.

    Attributes:
        head: sequence of the last event, 0 before the first.
    """

    def __init__(
        self, connection: Connection, agent: str, task_id: str, *, context: str, owner: str = ""
    ) -> None:
        self._connection = connection
        self._agent = agent
        self._task_id = task_id
        # For lists, which look at the last event only.
        self._marks = {CONTEXT: context, **({OWNER: owner} if owner else {})}
        self._subject = connection.layout.log(agent, task_id)
        self._lock = asyncio.Lock()
        self._unconfirmed: set[str] = set()
        self._state: TaskState | None = None
        self._ended = False
        self.head = 0

    @property
    def is_at_work(self) -> bool:
        """Whether the last event leaves the task at work."""
        return self._state is TaskState.WORKING

    def go_on_behind(self, head: int, state: TaskState) -> None:
        """Write behind an event that somebody else has written.

        Args:
            head: its sequence.
            state: the state that it led to.
        """
        self.head, self._state = head, state

    async def append(self, kind: str, data: dict[str, Any]) -> TaskEvent:
        """Write the next event.

        Raises:
            Fenced: the log has grown without us, or the attempt that writes it has ended.
            InvalidMessage: the event is no JSON, larger than the server takes, or cannot follow
                on what has happened.
            ConnectionLost: the server does not confirm it.
        """
        event = TaskEvent(kind=kind, data=data)
        payload = event.to_bytes()
        async with self._lock:
            if self._ended:
                # A thread or a task that the handler left behind still has something to say.
                raise Fenced(f"the attempt at task {self._task_id} has ended")
            state = state_after(self._state, kind)
            await self._write(payload)
            self._state, self._ended = state, kind in _LAST_KINDS
        return event

    async def _write(self, payload: bytes) -> None:
        # The write's own mark tells a write of ours, whose confirmation got lost or was not
        # waited for, from the write of somebody else.
        write, written, refusals = new_id(), "", 0
        self._unconfirmed.add(write)
        while written != write:
            headers = {EXPECTED_SEQUENCE: str(self.head), WRITE: write, **self._marks}
            try:
                ack = await self._connection.store(self._subject, payload, headers=headers)
                self.head, written = ack.seq, write
            except APIError as error:
                if not error.is_fence:
                    raise
                last = await self._what_came_before()
                if last is None and refusals < _MOST_REFUSALS:
                    refusals += 1  # an earlier try of ours is on its way to the replicas
                    continue
                written = last.headers.get(WRITE, "") if last is not None else ""
                if last is None or written not in self._unconfirmed:
                    raise Fenced(f"task {self._task_id} has another owner") from None
                self.head = last.sequence
                if TaskEvent.from_bytes(last.data).kind in _LAST_KINDS:
                    break  # it is this end of the attempt, tried before
        self._unconfirmed.clear()

    async def _what_came_before(self) -> StoredMessage | None:
        """Return the event that kept ours out; None if there is none to be seen.

        In a cluster we may read from a replica that gets to know of it later.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            last = await self._connection.last_of(TASKS, self._subject)
            if last is not None and last.sequence > self.head:
                return last
            if pause > _LAST_PAUSE_SECONDS:
                return None
            await asyncio.sleep(pause)
            pause *= 2


async def read_log(
    connection: Connection, agent: str, task_id: str, *, after: int = 0
) -> list[LoggedEvent]:
    """Return the events of a task, oldest first.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        after: only events behind this sequence.

    Raises:
        ConnectionLost: the server does not answer.
    """
    stored = await connection.read_back(
        TASKS, connection.layout.log(agent, task_id), start=after + 1
    )
    return [(message.sequence, TaskEvent.from_bytes(message.data)) for message in stored]


async def _read_on(
    connection: Connection, agent: str, task_id: str, after: int
) -> list[LoggedEvent]:
    """Read what comes next in a log, however long the server is away."""
    while True:
        try:
            await connection.available()
            return await read_log(connection, agent, task_id, after=after)
        except ConnectionLost:
            if connection.client.is_closed:
                raise


async def follow_log(
    connection: Connection, agent: str, task_id: str, *, after: int = 0
) -> AsyncGenerator[LoggedEvent]:
    """Yield the events of a task, the stored ones first, then new ones, until the final one.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        after: only events behind this sequence.

    Raises:
        ConnectionLost: the connection is closed.
    """
    subject = connection.layout.log(agent, task_id)
    if after:
        last = await connection.last_of(TASKS, subject)
        if last and last.sequence <= after and TaskEvent.from_bytes(last.data).is_final:
            return
    changed = asyncio.Event()
    changed.set()
    behind = -1

    async def on_event(message: Msg) -> None:
        nonlocal behind
        behind = max(behind, int((message.headers or {}).get(EXPECTED_SEQUENCE, -1)))
        changed.set()

    async with connection.subscription(subject, on_event):
        with connection.on_reconnect(changed.set):
            try:
                await connection.flush()
            except ConnectionLost:
                if connection.client.is_closed:
                    raise
                # The server hears of the subscription when it is back, and we look again then.
            quiet = _FIRST_QUIET_SECONDS
            while True:
                # What was published before we listened may be stored only after we have read: we
                # look again, ever more seldom.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(quiet):
                        await changed.wait()
                quiet = (
                    _FIRST_QUIET_SECONDS
                    if changed.is_set()
                    else min(2 * quiet, _LAST_QUIET_SECONDS)
                )
                changed.clear()
                pause = _FIRST_PAUSE_SECONDS
                while True:
                    for sequence, event in await _read_on(connection, agent, task_id, after):
                        after = sequence
                        yield sequence, event
                        if event.is_final:
                            return
                    # We may hear of an event before it is stored, or of one that is refused.
                    if after > behind or pause > _LAST_PAUSE_SECONDS:
                        break
                    await asyncio.sleep(pause)
                    pause *= 2
