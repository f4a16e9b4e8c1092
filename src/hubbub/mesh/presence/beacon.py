"""What one instance of an agent tells the mesh about itself: join, heartbeats, leave."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.mesh.presence.cards import PROTOCOL, Instance, Process, presence_key
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import REGISTRY_BUCKET, presence_ttl
from hubbub.version import __version__
from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.clock import now
from hubbub.wire.envelope import AgentMessage

__all__ = ["Beacon", "Load", "announcement"]

_DELETED = {"KV-Operation": "DEL"}


@dataclass(frozen=True, slots=True)
class Load:
    """How much one instance has to do.

    Attributes:
        running: tasks and requests being worked on.
        waiting: requests that wait for a free slot.
        stored: messages in the inbox as last seen, those being worked on included.
        held: how many of them are in the hands of this instance.
    """

    running: int = 0
    waiting: int = 0
    stored: int = 0
    held: int = 0

    @property
    def queued(self) -> int:
        """What this instance knows of that nobody has begun with."""
        return max(0, self.stored - self.held) + self.waiting


class Beacon:
    """Tells the mesh that one instance of an agent is there.

    Joining and leaving are told over the agent's own connection, signs of life over whichever is
    given: they come from another thread.

    Args:
        connection: the mesh.
        card: who it is.
        instance: which of its instances this is.
        load: asked at every beat, from another thread: it may only read what one step of the
            interpreter reads, such as the length of a set.
        link: tells the present link of the connection that gives the signs of life.
        versions: which versions of its tasks it goes on with; None if it takes them all.

    Attributes:
        draining: whether the instance takes no more work.
    """

    def __init__(
        self,
        connection: Connection,
        card: AgentCard,
        *,
        instance: str,
        load: Callable[[], Load],
        link: Callable[[], str],
        versions: Sequence[str] | None = None,
    ) -> None:
        self._connection = connection
        self._card = card
        self._id = instance
        self._load = load
        self._link = link
        self._versions = None if versions is None else list(versions)
        self._since = now()
        self._host = platform.node()
        self._key = presence_key(card.token, instance)
        self._subject = connection.layout.everybody(card.token)
        self._lasting = {"Nats-TTL": f"{presence_ttl(connection.config)}s"}
        self.draining = False

    @property
    def agent(self) -> str:
        """The token of the agent whose instance this is."""
        return self._card.token

    # Over the agent's own connection

    async def join(self) -> None:
        """Register, and announce that the agent is there; it is when this returns.

        Raises:
            HubbubError: as `register` does.
        """
        await self.register(self._connection)
        await self._announce("join", AgentStatus.ONLINE)
        # The heartbeats, on another connection, come after it.
        await self._connection.flush()

    async def announce(self, status: str | None = None) -> None:
        """Announce once more that the agent is there, or another status of it."""
        await self._announce("status" if status else "join", status or AgentStatus.ONLINE)

    async def say_goodbye(self) -> None:
        """Announce that the agent has left."""
        await self._announce("leave", AgentStatus.OFFLINE)

    # Signs of life

    async def register(self, over: Connection) -> None:
        """Store the card and that the instance is there; a server that was away may know neither.

        Raises:
            ConnectionLost: the server does not confirm it.
            StreamMissing: the server has lost its store, and it is not set up again yet.
        """
        await over.store(f"$KV.{REGISTRY_BUCKET}.{self._card.token}", self._card.to_bytes())
        value = self._instance(self._load(), responsive=True).to_bytes()
        await over.store(self._key, value, headers=self._lasting)

    async def beat(self, over: Connection, *, responsive: bool) -> None:
        """Give a sign of life, with the load.

        Args:
            over: the connection that it is told over.
            responsive: whether the agent's event loop turns.

        Raises:
            ConnectionLost: the connection is closed.
        """
        load = self._load()
        instance = self._instance(load, responsive=responsive)
        await over.publish(self._key, instance.to_bytes(), headers=self._lasting)
        facts = {
            "status": str(instance.status),
            "running": load.running,
            "queued": load.queued,
            "instance": self._id,
        }
        message = AgentMessage(
            message_type="heartbeat", from_agent=self._card.name, content="", metadata=facts
        )
        # The history keeps a heartbeat no longer than it means something.
        await over.publish(self._subject, message.to_bytes(), headers=self._lasting)

    async def withdraw(self, over: Connection) -> None:
        """Take back that the instance is there; when this returns, it is not listed any more.

        Args:
            over: the connection that gave its signs of life, so that none comes later.
        """
        with contextlib.suppress(TimeoutError):  # it then runs out by itself
            await over.request(self._key, headers={**_DELETED, **self._lasting})

    def _instance(self, load: Load, *, responsive: bool) -> Instance:
        status = AgentStatus.BUSY if load.running or not responsive else AgentStatus.ONLINE
        card = msgspec.structs.replace(
            self._card,
            status=AgentStatus.DRAINING if self.draining else status,
            running=load.running,
            queued=load.queued,
        )
        process = Process(
            link=self._link(),
            since=self._since,
            time=now(),
            host=self._host,
            pid=os.getpid(),
            hubbub=__version__,
            protocol=PROTOCOL,
            stored=load.stored,
            held=load.held,
            waiting=load.waiting,
            versions=self._versions,
        )
        return Instance(**msgspec.structs.asdict(card), process=process, id=self._id)

    async def _announce(self, event: str, status: str) -> None:
        message = announcement(self._card, event, status, instance=self._id)
        await self._connection.publish(self._subject, message.to_bytes())


def announcement(card: AgentCard, event: str, status: str, *, instance: str) -> AgentMessage:
    """Return what everybody is told about an instance of an agent.

    Args:
        card: who it is.
        event: `join`, `leave` or `status`.
        status: what to call its status.
        instance: which of its instances it is about.
    """
    texts = {
        "join": f"{card.name} is here",
        "leave": f"{card.name} has left",
        "status": f"{card.name} is {status}",
    }
    facts: dict[str, Any] = {
        "status": str(status),
        "event": event,
        "description": card.description,
        "capabilities": card.capabilities,
        "instance": instance,
    }
    return AgentMessage(
        message_type="announcement", from_agent=card.name, content=texts[event], metadata=facts
    )
