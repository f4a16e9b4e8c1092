"""A process that dies at a chosen write, without a process: one connection, and what it serves.

After its death nothing it does reaches the server. Whatever of it still runs in this process is
cancelled, and cancelled again each time it tries to speak.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.burial import letter_subject
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.transport.connecting import open_connection
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID, PARENT, pair_header
from hubbub.wire import clock
from hubbub.wire.events import EventKind, TaskEvent
from hubbub.wire.inputs import is_timer
from hubbub.wire.subjects import parse

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from hubbub.mesh.service import Service
    from hubbub.mesh.transport.answers import PubAck
    from hubbub.mesh.transport.client import SecureClient
    from hubbub.settings import NATSConfig

__all__ = ["Death", "MortalConnection", "Place", "ProcessDied", "TaskWrites", "live"]

Place = tuple[bool, int]
"""Where a delivery is stored: whether it is an input, and its sequence."""

_ACKS_OF_INBOX = "$JS.ACK."
_WORKED_OFF = b"+ACK"
_NO_END = b"+WPI"


class ProcessDied(asyncio.CancelledError):
    """What code hears that goes on after the death of its process: it is cancelled."""


@dataclass(frozen=True, slots=True)
class Death:
    """When a process dies.

    Attributes:
        write: what it writes then; see `TaskWrites`.
        occurrence: which one of that name it is, from 1.
        when: whether the server gets to store it.
    """

    write: str
    occurrence: int
    when: Literal["before", "after"]


class TaskWrites:
    """Names what is written for one task, and nothing else.

    Args:
        agent: token of the agent that works on it.
        task_id: the task.
    """

    def __init__(self, agent: str, task_id: str) -> None:
        self.task_id = task_id
        self._parent = pair_header(agent, task_id)
        self._letter = letter_subject(agent, task_id)

    def is_for_the_task(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is the task's message, or an input of it."""
        address = parse(delivery.subject)
        is_input = address is not None and address.kind == "input"
        found = address.task_id if address is not None and is_input else delivery.message_id
        return found == self.task_id

    def name_of(self, subject: str, data: bytes, headers: dict[str, str]) -> str:
        """Return what a write is called, such as `said` or `message to clerk`; empty if not ours.

        Args:
            subject: where it goes.
            data: what is written.
            headers: its headers.
        """
        if subject == self._letter:
            return "dead letter"
        address = parse(subject)
        if address is None:
            return ""
        match address.kind:
            case "log" if address.task_id == self.task_id:
                return TaskEvent.from_bytes(data).kind
            case "direct" if headers.get(PARENT) == self._parent:
                return f"message to {address.agent}"
            case "input" if address.task_id == self.task_id and is_timer(address.key):
                return "timer"
            case "done" if headers.get(MESSAGE_ID, "").startswith(f"{self.task_id}.done."):
                return f"completion to {address.agent}"
            case _:
                return ""


class MortalConnection(Connection):
    """A connection over which a process works on one task, until it dies.

    Args:
        client: the nats-py client underneath.
        config: the settings.
        writes: names the writes of the task.
        death: when it dies; None if it does not.
        process: the task that all the process does is part of.

    Attributes:
        written: the names of what it has written, in order.
        acknowledged: set when a message of the task, or an input of it, has been acknowledged.
        worked_off: the places of those that were.
        is_dead: whether it is dead.
        held: where each message is acknowledged that was taken and not given back, by its place.
    """

    def __init__(
        self,
        client: SecureClient,
        config: NATSConfig,
        writes: TaskWrites,
        death: Death | None,
        process: asyncio.Task[None] | None,
    ) -> None:
        super().__init__(client, config)
        self._process = process
        self.written: list[str] = []
        self.acknowledged = asyncio.Event()
        self.worked_off = set[Place]()
        self.is_dead = False
        self.held: dict[Place, str] = {}
        self._writes = writes
        self._death = death
        self._begun: Counter[str] = Counter()
        self._own: dict[str, Place] = {}

    async def store(
        self, subject: str, data: bytes, *, headers: dict[str, str] | None = None
    ) -> PubAck:
        """Store a message, and die if it is the one to die at; see `Connection.store`."""
        name = self._writes.name_of(subject, data, headers or {})
        self._begun[name] += 1
        occurrence = self._begun[name]
        self._live()
        if self._death == Death(name, occurrence, "before"):
            self._die()
        ack = await super().store(subject, data, headers=headers)
        self._live()
        if name:
            self.written.append(name)
        if name == EventKind.RETRYING:
            clock.move(float(TaskEvent.from_bytes(data).data.get("after", 0)))
        if self._death == Death(name, occurrence, "after"):
            self._die()
        return ack

    async def publish(
        self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Publish without waiting for anybody; see `Connection.publish`."""
        self._live()
        await super().publish(subject, data, reply=reply, headers=headers)
        if subject.startswith(_ACKS_OF_INBOX) and data != _NO_END:
            self.held = {at: ack for at, ack in self.held.items() if ack != subject}
            place = self._own.get(subject)
            if place is not None and data == _WORKED_OFF:
                self.worked_off.add(place)
                self.acknowledged.set()

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 2.0,
    ) -> Msg:
        """Publish and return the first answer; see `Connection.request`."""
        self._live()
        return await super().request(subject, data, headers=headers, timeout=timeout)

    @contextlib.asynccontextmanager
    async def subscription(
        self, subject: str, callback: Callable[[Msg], Awaitable[None]], *, queue: str = ""
    ) -> AsyncGenerator[None]:
        """Hear a subject while this lives; see `Connection.subscription`."""

        async def hear(message: Msg) -> None:
            if message.reply.startswith(_ACKS_OF_INBOX):
                self._take(message)
            if not self.is_dead:
                await callback(message)

        async with super().subscription(subject, hear, queue=queue):
            yield

    @contextlib.asynccontextmanager
    async def membership(
        self, subjects: Iterable[str], callback: Callable[[Msg], Awaitable[None]], *, queue: str
    ) -> AsyncGenerator[None]:
        """Share messages with others; at its end, none is waited for, as at the end of a process.

        See `Connection.membership`.
        """
        async with contextlib.AsyncExitStack() as stack:
            for subject in subjects:
                heard = self.subscription(subject, callback, queue=queue)
                await stack.enter_async_context(heard)
            yield

    def _take(self, message: Msg) -> None:
        delivery = Delivery.of(message)
        self.held[delivery.place] = delivery.ack_subject
        if self._writes.is_for_the_task(delivery):
            self._own[delivery.ack_subject] = delivery.place

    def _live(self) -> None:
        if self.is_dead:
            raise ProcessDied("this process has died")

    def _die(self) -> None:
        self.is_dead = True
        if self._process is not None:
            self._process.cancel()
        self._live()


async def live(
    service: Service,
    config: NATSConfig,
    url: str,
    writes: TaskWrites,
    is_over: Callable[[Collection[Place]], Awaitable[bool]],
    *,
    death: Death | None = None,
    timeout: float,
) -> MortalConnection:
    """Live as a process that serves an agent, until its task is over or it dies.

    Args:
        service: the agent.
        config: the settings.
        url: the server.
        writes: names the writes of the task.
        is_over: asked at first, and whenever something of the task has been worked off, what has
            been; tells whether nothing more is to be done.
        death: when to die.
        timeout: after how many seconds to leave in any case.

    Returns:
        The connection it lived by, closed by now.
    """
    lived: list[MortalConnection] = []

    def connection(client: SecureClient, config: NATSConfig) -> Connection:
        process = asyncio.current_task()
        lived.append(MortalConnection(client, config, writes, death, process))
        return lived[0]

    async def life() -> None:
        async with (
            open_connection(config, url, kind=connection) as opened,
            contextlib.AsyncExitStack() as stack,
            Mesh(opened, url, service.card.name, stack).serve(service),
        ):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while not await is_over(lived[0].worked_off):
                        await lived[0].acknowledged.wait()
                        lived[0].acknowledged.clear()

    # In a task of its own: what is cancelled with it is not we.
    task = asyncio.create_task(life(), name="mortal process")
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    if not (task.cancelled() and lived and lived[0].is_dead):
        await task
    return lived[0]
