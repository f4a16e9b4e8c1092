"""The questions that are open, of all tasks: known from the logs, each event of which is read once.

Each gateway knows them by itself, and at once: what is last in every log tells most of them.
Nothing is read while nobody asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from hubbub.errors import ConnectionLost, InvalidMessage
from hubbub.mesh.history.feed import Delivered, open_feed
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.concurrency import Rounds
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import OWNER
from hubbub.mesh.transport.streams import TASKS, expect_streams
from hubbub.wire.events import EventKind, TaskEvent, fold
from hubbub.wire.questions import Question
from hubbub.wire.subjects import parse

__all__ = ["OpenQuestion", "OpenQuestions", "TaskKey"]

log = logging.getLogger("hubbub.gateway")

# Behind so many events it is quicker to look at the end of each log.
_MOST_BEHIND = 20_000
_AT_ONCE = 32
_LOOK_SECONDS = 1.0
_BEGINNING_SECONDS = 60.0

_AT_REST = (EventKind.PARKED, EventKind.WAITING)

TaskKey = tuple[str, str]
"""Token of an agent, and id of a task of it."""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that is open.

    Attributes:
        task: the task that asks it.
        owner: the person whose task that is; empty if nobody's in particular.
        question: what it asks.
    """

    task: TaskKey
    owner: str
    question: Question


@dataclass(slots=True)
class _Asking:
    owner: str
    questions: dict[str, Question] = field(default_factory=dict[str, Question])


class OpenQuestions:
    """Knows which questions are open.

    Args:
        connection: the mesh.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asking: dict[TaskKey, _Asking] = {}
        self._place = 0
        self._created = ""
        self._rounds = Rounds()

    async def all(self) -> list[OpenQuestion]:
        """Return the questions that are open now.

        Raises:
            ConnectionLost: the server does not answer.
        """
        await self._rounds.join(self._read_on)
        return [
            OpenQuestion(task, asking.owner, question)
            for task, asking in self._asking.items()
            for question in asking.questions.values()
        ]

    async def _read_on(self) -> None:
        """Read what has happened since the last time."""
        await expect_streams(self._connection)
        created, last = await self._end()
        # A server that lost its store has another stream.
        if created != self._created or last - self._place > _MOST_BEHIND:
            await self._begin()
            self._created = created
            _, last = await self._end()
        subject = self._connection.layout.log("*", "*")
        while self._place < last:
            some = await self._connection.read_some(TASKS, start=self._place + 1, subject=subject)
            if not some:
                break  # a replica may know less than its leader: it is asked again next time
            for stored in some:
                self._take_in(stored.subject, stored.data, stored.headers.get(OWNER, ""))
                self._place = stored.sequence

    async def _end(self) -> tuple[str, int]:
        stream = await self._connection.api(f"STREAM.INFO.{TASKS}")
        return stream["created"], int(stream["state"]["last_seq"])

    async def _begin(self) -> None:
        """Begin with what is last in each log, and read those whole that it does not tell of."""
        self._asking.clear()
        self._created, self._place, place = "", 0, 0
        at_work: dict[TaskKey, str] = {}

        def take(end: Delivered) -> None:
            nonlocal place
            place, message = end.sequence, end.message
            owner = (message.headers or {}).get(OWNER, "")
            read = self._take_in(message.subject, message.data, owner)
            if read is not None and not read[1].is_final and read[1].kind not in _AT_REST:
                at_work[read[0]] = owner

        await _read_ends(self._connection, take)
        tasks = list(at_work)
        for start in range(0, len(tasks), _AT_ONCE):
            some = tasks[start : start + _AT_ONCE]
            await asyncio.gather(*(self._read_whole(task, at_work[task]) for task in some))
        self._place = place

    async def _read_whole(self, task: TaskKey, owner: str) -> None:
        try:
            events = await read_log(self._connection, *task)
            questions = fold(event for _, event in events).questions
        except InvalidMessage as error:
            log.warning("What task %s asks cannot be told: %s", task[1], error)
            return
        if questions:
            self._asking[task] = _Asking(owner, {one.id: one for one in questions})

    def _take_in(self, subject: str, data: bytes, owner: str) -> tuple[TaskKey, TaskEvent] | None:
        """Do with the questions of a task what `fold` does, for one event; None if it is none."""
        address = parse(subject)
        if address is None:
            return None
        task = (address.agent, address.task_id)
        asking = self._asking.get(task) or _Asking(owner)
        try:
            event = TaskEvent.from_bytes(data)
            if event.is_final:
                asking.questions.clear()
            elif event.kind in _AT_REST:
                told = msgspec.convert(event.data.get("questions", []), list[Question])
                asking.questions = {question.id: question for question in told}
            elif event.kind == "asked":
                question = msgspec.convert(event.data.get("question"), Question)
                asking.questions[question.id] = question
            elif event.kind in ("answered", "timed_out"):
                asking.questions.pop(str(event.data.get("id")), None)
        except (InvalidMessage, msgspec.ValidationError) as error:
            log.warning("What task %s asks cannot be told: %s", task[1], error)
            return None
        if asking.questions:
            self._asking[task] = asking
        else:
            self._asking.pop(task, None)
        return task, event


async def _read_ends(connection: Connection, take: Callable[[Delivered], None]) -> None:
    """Take what is last in each log now, and perhaps some of what comes meanwhile.

    Raises:
        ConnectionLost: the server does not answer.
    """
    changed = asyncio.Event()
    subjects = [connection.layout.log("*", "*")]
    try:
        async with (
            asyncio.timeout(_BEGINNING_SECONDS),
            open_feed(
                connection, TASKS, subjects, after=None, latest=True, changed=changed
            ) as feed,
        ):
            while True:
                changed.clear()
                await feed.tend()
                while feed.head is not None:
                    take(feed.take())
                if feed.is_through:
                    return
                if feed.is_low:
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await changed.wait()
    except TimeoutError:
        raise ConnectionLost(
            f"The NATS server did not tell within {_BEGINNING_SECONDS:g} s which tasks there are"
        ) from None
