"""Agents at work on one connection: what they listen to, and how they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.concurrency import background
from hubbub.mesh.connection import Connection
from hubbub.mesh.execution import Executor
from hubbub.mesh.inbox import Inbox
from hubbub.mesh.leases import LeaseKeeper, keep_leases
from hubbub.mesh.notices import deliver_notices
from hubbub.mesh.presence import Beacon
from hubbub.mesh.responder import Responder
from hubbub.mesh.service import Listener, Service
from hubbub.mesh.streams import ensure_streams
from hubbub.mesh.sweep import sweep_inboxes
from hubbub.wire.envelope import HEARTBEAT_PREFIX, AgentMessage
from hubbub.wire.names import agent_token
from hubbub.wire.subjects import parse

__all__ = ["Serving", "open_serving"]

log = logging.getLogger("hubbub.serving")


@contextlib.asynccontextmanager
async def open_serving(connection: Connection, url: str) -> AsyncGenerator[Serving]:
    """Make a connection ready to serve agents, and run what they share.

    Args:
        connection: the mesh.
        url: the server's URL, for the connection that keeps leases alive.
    """
    await ensure_streams(connection)
    async with keep_leases(connection.config, url) as leases, background() as group:
        serving = Serving(connection, leases, group)
        async with serving.listening():
            yield serving


class Serving:
    """The agents that one connection serves; made by `open_serving`."""

    def __init__(
        self, connection: Connection, leases: LeaseKeeper, group: asyncio.TaskGroup
    ) -> None:
        self._connection = connection
        self._leases = leases
        self._group = group
        self._inboxes: list[Inbox] = []
        self._hinted = asyncio.Event()
        self._listeners: dict[str, Listener] = {}
        self._beacons: dict[str, Beacon] = {}

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Hear broadcasts and sweep the inboxes while the context lasts."""
        everybody = self._connection.layout.everybody_filter
        async with self._connection.subscription(everybody, self._on_announcement):
            sweep = self._group.create_task(
                sweep_inboxes(self._connection, self._inboxes, self._hinted), name="inbox sweep"
            )
            try:
                yield
            finally:
                sweep.cancel()

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
        executor = Executor(connection, service, inbox, self._leases, instance=instance)
        beacon = Beacon(connection, card, instance=instance)
        async with background() as group:
            responder = Responder(connection, service, group)
            async with inbox.open(), responder.open():
                self._inboxes.append(inbox)
                if service.broadcast_listener is not None:
                    self._listeners[card.token] = service.broadcast_listener
                slots = [
                    group.create_task(executor.run_slot(), name=f"{card.token} slot {number}")
                    for number in range(service.concurrency)
                ]
                # The server must know our subscriptions before anybody hears that we are here.
                await connection.flush()
                await beacon.join()
                helpers = [
                    group.create_task(
                        self._beat(beacon, executor, responder), name=f"{card.token} heartbeat"
                    )
                ]
                if service.message_listener is not None:
                    helpers.append(
                        group.create_task(
                            deliver_notices(connection, card.token, service.message_listener),
                            name=f"{card.token} notices",
                        )
                    )
                self._beacons[card.token] = beacon
                log.info("Connected to NATS at %s as %s", connection.url, card.name)
                try:
                    async with connection.subscription(
                        connection.layout.input_filter(card.token), _on_input(executor)
                    ):
                        yield
                finally:
                    inbox.close()
                    self._inboxes.remove(inbox)
                    self._listeners.pop(card.token, None)
                    self._beacons.pop(card.token, None)
            # The subscriptions are gone: nothing new comes in.
            await self._drain(executor, responder, slots)
            for helper in helpers:
                helper.cancel()
            with contextlib.suppress(HubbubError):
                await beacon.leave()

    async def announce(self, agent: str, status: str | None = None) -> None:
        """Announce an agent that is being served once more."""
        beacon = self._beacons.get(agent_token(agent))
        if beacon is not None:
            await beacon.announce(status)

    async def _drain(
        self, executor: Executor, responder: Responder, slots: list[asyncio.Task[None]]
    ) -> None:
        """Let running work finish within the grace period, then hand it back."""
        grace = self._connection.config.grace_seconds
        _, unfinished = await asyncio.wait(slots, timeout=grace)
        if unfinished:
            executor.release_all()
            await asyncio.wait(unfinished)
        await responder.finish(grace)

    async def _beat(self, beacon: Beacon, executor: Executor, responder: Responder) -> None:
        seconds = self._connection.config.heartbeat_seconds
        while True:
            try:
                await beacon.beat(running=executor.running + responder.running, queued=0)
            except HubbubError as error:
                log.warning("No heartbeat could be sent: %s", error)
            await asyncio.sleep(seconds)

    async def _on_announcement(self, raw: Msg) -> None:
        # Heartbeats are most of the traffic here, and no listener wants them.
        if not self._listeners or raw.data.startswith(HEARTBEAT_PREFIX):
            return
        try:
            message = AgentMessage.from_bytes(raw.data)
        except InvalidMessage as error:
            log.debug("An unreadable broadcast on %s: %s", raw.subject, error)
            return
        if message.message_type != "announcement" or "event" in message.metadata:
            return
        sender = agent_token(message.from_agent)
        for token, listener in self._listeners.items():
            if token != sender:
                self._group.create_task(_hear(listener, message))


def _on_input(executor: Executor) -> Callable[[Msg], Awaitable[None]]:
    async def on_input(raw: Msg) -> None:
        address = parse(raw.subject)
        if address is not None and address.key == "cancel":
            executor.cancel(address.task_id)

    return on_input


async def _hear(listener: Listener, message: AgentMessage) -> None:
    try:
        await listener(message)
    except Exception:
        log.exception("A listener failed on a message from %s", message.from_agent)
