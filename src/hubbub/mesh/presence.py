"""Who is there: heartbeats, presence that expires by itself, and the list of agents (DESIGN 5.9).

A card is kept in the registry; that an instance lives is a key in the presence bucket, which the
server drops when two beats are missed.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.answers import StoredMessage
from hubbub.mesh.connection import Connection
from hubbub.mesh.streams import PRESENCE_BUCKET, REGISTRY_BUCKET, presence_ttl
from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.envelope import AgentMessage

__all__ = ["Beacon", "is_present", "list_cards"]

_DELETED = {"KV-Operation": "DEL"}


class Beacon:
    """Tells the mesh that one instance of an agent is there.

    Args:
        connection: the mesh.
        card: who it is.
        instance: which of its instances this is.

    Attributes:
        draining: whether the instance takes no more work.
    """

    def __init__(self, connection: Connection, card: AgentCard, *, instance: str) -> None:
        self._connection = connection
        self._card = card
        self._instance = instance
        self.draining = False
        self._key = f"$KV.{PRESENCE_BUCKET}.{card.token}.{instance}"
        self._subject = connection.layout.everybody(card.token)
        self._lasting = {"Nats-TTL": f"{presence_ttl(connection.config)}s"}

    @property
    def agent(self) -> str:
        """The token of the agent whose instance this is."""
        return self._card.token

    async def join(self) -> None:
        """Register, and announce that the agent is there."""
        await self.register()
        await self._announce("join", AgentStatus.ONLINE)

    async def register(self) -> None:
        """Store the card and that the instance is there; a server that was away may know neither.

        Raises:
            ConnectionLost: the server does not confirm it.
            StreamMissing: the server has lost its store, and it is not set up again yet.
        """
        data = self._card.to_bytes()
        await self._connection.store(f"$KV.{REGISTRY_BUCKET}.{self._card.token}", data)
        await self._connection.store(self._key, data, headers=self._lasting)

    async def beat(self, *, running: int, queued: int) -> None:
        """Give a sign of life, with the load.

        Args:
            running: tasks and requests being worked on.
            queued: requests that wait for a free slot.
        """
        status = AgentStatus.BUSY if running else AgentStatus.ONLINE
        card = msgspec.structs.replace(
            self._card,
            status=AgentStatus.DRAINING if self.draining else status,
            running=running,
            queued=queued,
        )
        await self._mark(card)
        facts = {"status": str(card.status), "running": running, "queued": queued}
        # The history keeps a heartbeat no longer than it means something.
        await self._send("heartbeat", "", facts, headers=self._lasting)

    async def announce(self, status: str | None = None) -> None:
        """Announce once more that the agent is there, or another status of it."""
        await self._announce("status" if status else "join", status or AgentStatus.ONLINE)

    async def leave(self) -> None:
        """Say goodbye; when this returns, the agent is not listed any more."""
        with contextlib.suppress(TimeoutError):  # it then runs out by itself
            await self._connection.request(self._key, headers={**_DELETED, **self._lasting})
        await self._announce("leave", AgentStatus.OFFLINE)

    async def _mark(self, card: AgentCard) -> None:
        await self._connection.publish(self._key, card.to_bytes(), headers=self._lasting)

    async def _announce(self, event: str, status: str) -> None:
        texts = {
            "join": f"{self._card.name} is here",
            "leave": f"{self._card.name} has left",
            "status": f"{self._card.name} is {status}",
        }
        facts: dict[str, Any] = {
            "status": str(status),
            "event": event,
            "description": self._card.description,
            "capabilities": self._card.capabilities,
        }
        await self._send("announcement", texts[event], facts)

    async def _send(
        self,
        message_type: Any,
        content: str,
        facts: dict[str, Any],
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        message = AgentMessage(
            message_type=message_type,
            from_agent=self._card.name,
            content=content,
            metadata={**facts, "instance": self._instance},
        )
        await self._connection.publish(self._subject, message.to_bytes(), headers=headers)


async def list_cards(connection: Connection, *, include_offline: bool = False) -> list[AgentCard]:
    """Return the cards of the agents that are there, by name.

    Args:
        connection: the mesh.
        include_offline: also those that were there once.
    """
    present: dict[str, AgentCard] = {}
    for stored in await _bucket(connection, PRESENCE_BUCKET):
        card = _card(stored)
        if card is not None:
            other = present.get(card.token)
            present[card.token] = card if other is None else _merged(other, card)
    if include_offline:
        for stored in await _bucket(connection, REGISTRY_BUCKET):
            card = _card(stored)
            if card is not None and card.token not in present:
                present[card.token] = msgspec.structs.replace(
                    card, status=AgentStatus.OFFLINE, instances=0
                )
    return sorted(present.values(), key=lambda card: card.name.casefold())


async def is_present(connection: Connection, agent: str) -> bool:
    """Tell whether an instance of an agent is there.

    Args:
        connection: the mesh.
        agent: the agent's token.

    Raises:
        ConnectionLost: the server does not answer.
    """
    keys = f"$KV.{PRESENCE_BUCKET}.{agent}.*"
    stored = await connection.read_back(f"KV_{PRESENCE_BUCKET}", keys)
    return any(_card(one) is not None for one in stored)


async def _bucket(connection: Connection, name: str) -> list[StoredMessage]:
    return await connection.read_back(f"KV_{name}", f"$KV.{name}.>")


def _card(stored: StoredMessage) -> AgentCard | None:
    """Read a card from a bucket; None for a deleted one and for what is no card."""
    if not stored.data:
        return None
    try:
        card = AgentCard.from_bytes(stored.data)
    except InvalidMessage:
        return None
    # The key is the truth: a card under another agent's name is nobody's.
    if card.token != stored.subject.split(".")[2]:
        return None
    return msgspec.structs.replace(card, last_seen=stored.time)


def _merged(one: AgentCard, other: AgentCard) -> AgentCard:
    """Return one card for two instances of an agent; the newer one describes it."""
    newer = max(one, other, key=lambda card: card.last_seen or "")
    free = AgentStatus.ONLINE in (one.status, other.status)
    return msgspec.structs.replace(
        newer,
        instances=one.instances + other.instances,
        running=one.running + other.running,
        queued=one.queued + other.queued,
        status=AgentStatus.ONLINE if free else newer.status,
    )
