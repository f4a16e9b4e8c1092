"""Agents at work on one connection: what they listen to, and how they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.janitor.rounds import Janitor
from hubbub.mesh.presence.beacon import Beacon, Load
from hubbub.mesh.presence.departures import watch_departures
from hubbub.mesh.presence.life import Life, open_life
from hubbub.mesh.requests.responder import Responder
from hubbub.mesh.service import Listener, Service
from hubbub.mesh.tasks.execution import Executor
from hubbub.mesh.tasks.inbox import WAKE_LANE, Inbox
from hubbub.mesh.tasks.log import Fenced
from hubbub.mesh.tasks.notices import deliver_notices, expect_notices
from hubbub.mesh.tasks.sweep import sweep, sweep_inboxes
from hubbub.mesh.transport.concurrency import all_of, background
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.mesh.versions import require_new_server
from hubbub.wire.card import AgentCard
from hubbub.wire.envelope import HEARTBEAT_PREFIX, AgentMessage, read_plain
from hubbub.wire.inputs import CANCEL, is_note
from hubbub.wire.names import agent_token
from hubbub.wire.subjects import parse

__all__ = ["Serving", "open_serving"]

log = logging.getLogger("hubbub.serving")

_HAND_BACK_SECONDS = 3.0
_PAUSE_SECONDS = 0.5
# Broadcasts that one agent hears at the same time; a listener may be slower than they come.
_MOST_HEARD = 1_000


@contextlib.asynccontextmanager
async def open_serving(connection: Connection, url: str) -> AsyncGenerator[Serving]:
    """Make a connection ready to serve agents, and run what they share.

    Args:
        connection: the mesh.
        url: the server's URL, for the connection of the signs of life.

    Raises:
        ConnectionLost: the server does not answer, or is too old.
    """
    require_new_server(connection)
    await ensure_streams(connection)
    async with open_life(connection, url) as life, background() as group:
        serving = Serving(connection, life, group)
        async with serving.listening():
            yield serving


class Serving:
    """The agents that one connection serves; made by `open_serving`.

    Attributes:
        janitor: stands by to keep the mesh tidy.
    """

    def __init__(self, connection: Connection, life: Life, group: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._life = life
        self._group = group
        self._inboxes: list[Inbox] = []
        self._hinted = asyncio.Event()
        self._ears: dict[str, _Ear] = {}
        self._beacons: dict[str, Beacon] = {}
        self.janitor = Janitor(connection)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Hear broadcasts, notice deaths and sweep the inboxes while the context lasts."""
        everybody = self._connection.layout.everybody_filter
        async with (
            watch_departures(self._connection),
            self._connection.subscription(everybody, self._on_announcement),
        ):
            sweep = self._group.create_task(
                sweep_inboxes(self._connection, self._inboxes, self._hinted), name="inbox sweep"
            )
            tidying = self._group.create_task(self.janitor.run(), name="janitor")
            try:
                yield
            finally:
                sweep.cancel()
                tidying.cancel()

    @contextlib.asynccontextmanager
    async def serve(self, service: Service) -> AsyncGenerator[None]:
        """Let an agent work while the context lasts; at its end, running work may finish."""
        connection, card = self._connection, service.card
        instance = secrets.token_hex(6)
        inbox = Inbox(
            connection,
            card.token,
            lease_seconds=service.lease_seconds or connection.config.lease_seconds,
            hinted=self._hinted,
        )
        executor = Executor(connection, service, inbox, self._life.leases, instance=instance)
        slots: list[asyncio.Task[None]] = []
        helpers: list[asyncio.Task[None]] = []
        async with background() as group:
            responder = Responder(connection, service)

            def load() -> Load:
                return Load(
                    running=executor.running + responder.running,
                    waiting=responder.waiting,
                    stored=inbox.stored,
                    held=inbox.held,
                )

            beacon = Beacon(
                connection,
                card,
                instance=instance,
                load=load,
                link=lambda: self._life.link,
                versions=service.versions,
            )
            try:
                async with (
                    inbox.open(),
                    responder.open(),
                    connection.subscription(
                        connection.layout.input_filter(card.token),
                        _on_input(executor, inbox, group),
                    ),
                ):
                    if service.message_listener is not None:
                        # From here on, whatever is said to it is kept for it.
                        await expect_notices(connection, card.token)
                    # What waits already may wait in any lane; that of the inputs is asked anyway.
                    await sweep(connection, [inbox], with_inputs=False)
                    # The server must know our subscriptions before anybody hears of us.
                    await connection.flush()
                    inbox.on_notes = _on_notes(executor, group)
                    try:
                        self._inboxes.append(inbox)
                        self._hinted.set()
                        self._beacons[instance] = beacon
                        if service.broadcast_listener is not None:
                            self._ears[instance] = _Ear(card, service.broadcast_listener, group)
                        slots += [
                            group.create_task(executor.run_slot(), name=f"{card.token} slot {n}")
                            for n in range(service.concurrency)
                        ]
                        await beacon.join()
                        self._life.speak_for(beacon)
                        helpers.append(
                            group.create_task(
                                self._obey_when_back(executor), name=f"{card.token} obedience"
                            )
                        )
                        if service.message_listener is not None:
                            helpers.append(
                                group.create_task(
                                    deliver_notices(connection, card, service.message_listener),
                                    name=f"{card.token} notices",
                                )
                            )
                        log.info("Connected to NATS at %s as %s", connection.url, card.name)
                        yield
                    finally:
                        inbox.close()
                        self._inboxes.remove(inbox)
                        del self._beacons[instance]
                        ear = self._ears.pop(instance, None)
                        helpers += ear.hearing if ear is not None else ()
            finally:
                # The subscriptions are gone: nothing new comes in. However the context ended,
                # running work is finished or handed back, and the mesh is told.
                if slots:
                    await self._drain(beacon, executor, responder, slots)
                else:
                    await responder.finish(0)  # requests may have come in before the start failed
                for helper in helpers:
                    helper.cancel()
                if slots:
                    with contextlib.suppress(HubbubError):
                        await self._life.farewell(beacon)
                        await beacon.say_goodbye()

    async def announce(self, agent: str, status: str | None = None) -> None:
        """Announce an agent that is being served once more."""
        token = agent_token(agent)
        for beacon in tuple(self._beacons.values()):
            if beacon.agent == token:
                await beacon.announce(status)

    async def _drain(
        self,
        beacon: Beacon,
        executor: Executor,
        responder: Responder,
        slots: list[asyncio.Task[None]],
    ) -> None:
        """Let running tasks and requests finish within the grace period, then hand them back."""
        grace = self._connection.config.grace_seconds
        beacon.draining = True
        if executor.running + responder.running:
            self._life.hasten(beacon)
        # At the same time: they share the grace period.
        await all_of([self._end(executor, slots, grace), responder.finish(grace)])

    async def _end(self, executor: Executor, slots: list[asyncio.Task[None]], grace: float) -> None:
        _, unfinished = await asyncio.wait(slots, timeout=grace)
        if unfinished:
            executor.release_all()
            _, unfinished = await asyncio.wait(unfinished, timeout=_HAND_BACK_SECONDS)
        for slot in unfinished:
            slot.cancel()  # the server is away: what it worked on is left to its lease

    async def _obey_when_back(self, executor: Executor) -> None:
        """Stop the handlers whose end was asked for while the connection was away, for ever."""
        back = asyncio.Event()
        with self._connection.on_reconnect(back.set):
            while True:
                await back.wait()
                back.clear()
                try:
                    await executor.obey()
                except HubbubError as error:
                    log.warning("It is not known what was to be canceled: %s", error)
                    back.set()
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _on_announcement(self, raw: Msg) -> None:
        # Heartbeats are most of the traffic here, and no listener wants them.
        if not self._ears or raw.data.startswith(HEARTBEAT_PREFIX):
            return
        try:
            message = read_plain(raw.data, to_agent=None, message_type="announcement")
        except InvalidMessage as error:
            log.debug("An unreadable broadcast on %s: %s", raw.subject, error)
            return
        if message.message_type != "announcement" or "event" in message.metadata:
            return
        sender = agent_token(message.from_agent)
        address = parse(raw.subject)
        if self._connection.layout.secured and (address is None or address.sender != sender):
            log.warning("A broadcast on %s says it is from %r", raw.subject, message.from_agent)
            return
        for ear in self._ears.values():
            if ear.card.token != sender:
                ear.hear(message)


def _on_input(
    executor: Executor, inbox: Inbox, group: asyncio.TaskGroup
) -> Callable[[Msg], Awaitable[None]]:
    async def on_input(raw: Msg) -> None:
        address = parse(raw.subject)
        if address is None:
            return
        if address.key == CANCEL:
            executor.cancel(address.task_id)
        if executor.works_on(address.task_id):
            group.create_task(_take_in(executor, raw.subject))
            return
        if is_note(address.key):
            executor.underway.expect_notes(address.task_id)
        inbox.look_into(WAKE_LANE)

    return on_input


def _on_notes(executor: Executor, group: asyncio.TaskGroup) -> Callable[[list[str]], None]:
    """Return what hears of all notes that lie ready, also of those sent before we were here."""

    def on_notes(subjects: list[str]) -> None:
        unbegun = set[str]()
        for subject in subjects:
            address = parse(subject)
            if address is None:
                continue
            if executor.works_on(address.task_id):
                group.create_task(_take_in(executor, subject))
            else:
                unbegun.add(address.task_id)
        executor.underway.expect_all_notes(unbegun)

    return on_notes


async def _take_in(executor: Executor, subject: str) -> None:
    try:
        await executor.take_in(subject)
    except (HubbubError, Fenced) as error:
        log.warning("An input on %s is left for later: %s", subject, error)


class _Ear:
    """An agent's listener for broadcasts, and what it is hearing."""

    def __init__(self, card: AgentCard, listener: Listener, group: asyncio.TaskGroup) -> None:
        self.card = card
        self.hearing: set[asyncio.Task[None]] = set()
        self._listener = listener
        self._group = group
        self._is_deaf = False

    def hear(self, message: AgentMessage) -> None:
        """Let the listener hear a message while others come in; too many at once are lost."""
        if len(self.hearing) >= _MOST_HEARD:
            if not self._is_deaf:
                log.warning("%s cannot follow the broadcasts, and misses some", self.card.name)
            self._is_deaf = True
            return
        self._is_deaf = False
        task = self._group.create_task(self._hear(message))
        self.hearing.add(task)
        task.add_done_callback(self.hearing.discard)

    async def _hear(self, message: AgentMessage) -> None:
        with acting(Activity(agent=self.card.name, message=message, task_id=None)):
            try:
                await self._listener(message)
            except Exception:
                log.exception("%s failed on a broadcast", self.card.name)
