"""The log of a task: appended by its owner alone, read and followed by anybody (DESIGN 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from nats.aio.msg import Msg

from hubbub.mesh.connection import APIError, Connection
from hubbub.mesh.headers import EXPECTED_SEQUENCE, WRITE
from hubbub.mesh.replies import status_of
from hubbub.mesh.streams import TASKS
from hubbub.wire.envelope import new_id
from hubbub.wire.events import TaskEvent

__all__ = ["Fenced", "LoggedEvent", "TaskLog", "follow_log", "read_log"]

LoggedEvent = tuple[int, TaskEvent]
"""An event and its sequence in the stream of all logs."""


class Fenced(BaseException):
    """Somebody else has written to the log: this process does not own the task any more.

    Not an `Exception`, so that no handler takes it for a failure of its own.
    """


class TaskLog:
    """Writes the log of one task, each event fenced by the sequence of the last.

    Attributes:
        head: sequence of the last event, 0 before the first.
    """

    def __init__(self, connection: Connection, agent: str, task_id: str, head: int = 0) -> None:
        self._connection = connection
        self._agent = agent
        self._task_id = task_id
        self._subject = connection.layout.log(agent, task_id)
        self._lock = asyncio.Lock()
        self.head = head

    async def append(self, kind: str, data: dict[str, Any]) -> TaskEvent:
        """Write the next event.

        Raises:
            Fenced: the log has grown without us.
            InvalidMessage: the event is no JSON, or larger than the server takes.
            ConnectionLost: the server does not confirm it.
        """
        event = TaskEvent(kind=kind, data=data)
        payload = event.to_bytes()
        async with self._lock:
            # The write's own mark tells a repeated write, whose first confirmation got lost,
            # from the write of somebody else.
            write = new_id()
            headers = {EXPECTED_SEQUENCE: str(self.head), WRITE: write}
            try:
                ack = await self._connection.store(self._subject, payload, headers=headers)
                self.head = ack.seq
            except APIError as error:
                if not error.is_fence:
                    raise
                last = await _last(self._connection, self._subject)
                if last is None or last[1] != write:
                    raise Fenced(f"task {self._task_id} has another owner") from None
                self.head = last[0]
        return event


async def _last(connection: Connection, subject: str) -> tuple[int, str] | None:
    """Return sequence and write mark of the last event on a subject."""
    message = await connection.request(f"$JS.API.DIRECT.GET.{TASKS}.{subject}")
    if status_of(message):
        return None
    headers = message.headers or {}
    return int(headers["Nats-Sequence"]), headers.get(WRITE, "")


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
    stored = await connection.read_back(TASKS, connection.layout.log(agent, task_id), after=after)
    return [(message.sequence, TaskEvent.from_bytes(message.data)) for message in stored]


async def follow_log(
    connection: Connection, agent: str, task_id: str, *, after: int = 0
) -> AsyncGenerator[LoggedEvent]:
    """Yield the events of a task, the stored ones first, then new ones, until the final one.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        after: only events behind this sequence.
    """
    changed = asyncio.Event()
    changed.set()

    async def on_event(_: Msg) -> None:
        changed.set()

    subject = connection.layout.log(agent, task_id)
    async with connection.subscription(subject, on_event):
        await connection.flush()
        with connection.on_reconnect(changed.set):
            while True:
                await changed.wait()
                changed.clear()
                for sequence, event in await read_log(connection, agent, task_id, after=after):
                    after = sequence
                    yield sequence, event
                    if event.is_final:
                        return
