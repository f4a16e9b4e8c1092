"""Who is there: the instances of agents, and the list of agents made of them (DESIGN 5.9).

A card is kept in the registry; that an instance lives is a key in the presence bucket, which the
server drops when two beats are missed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import TTL
from hubbub.mesh.transport.streams import PRESENCE_BUCKET, REGISTRY_BUCKET
from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.clock import read_iso
from hubbub.wire.codec import decode

__all__ = [
    "PROTOCOL",
    "Instance",
    "Process",
    "find_card",
    "instances_of",
    "list_cards",
    "list_instances",
    "one_card",
    "presence_key",
    "read_instance",
]

# Times of storing are the server's; ours may be off by some seconds.
_CLOCKS_DIFFER_SECONDS = 60.0

PROTOCOL = 1
"""What instances expect of one another; those with different numbers do not work together."""

# Who takes work at once comes before who takes it later.
_BEST_FIRST = [AgentStatus.ONLINE, AgentStatus.BUSY, AgentStatus.DRAINING, AgentStatus.OFFLINE]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance tells about itself, beside the card of its agent.

    Attributes:
        link: the connection that its signs of life come over; see `Connection.link`.
        since: when it came, ISO 8601, by its own clock.
        time: when it beat, ISO 8601, by its own clock.
        host: the machine it runs on.
        pid: its process there.
        hubbub: the version of Hubbub it runs.
        protocol: its `PROTOCOL`.
        stored: how many messages its inbox held when it last looked, those being worked on
            included.
        held: how many of them are in its hands.
        waiting: how many requests wait for a free slot in it.
        versions: which versions of its tasks it goes on with; None if it takes them all.
    """

    link: str = ""
    since: str = ""
    time: str = ""
    host: str = ""
    pid: int = 0
    hubbub: str = ""
    protocol: int = 0
    stored: int = 0
    held: int = 0
    waiting: int = 0
    versions: list[str] | None = None


class Instance(AgentCard, frozen=True, kw_only=True):
    """One instance of an agent: the value of its key in the presence bucket.

    Attributes:
        process: what it tells about itself.
        id: which of the agent's instances it is; the end of its key.
    """

    process: Process = msgspec.field(default_factory=Process)
    id: str = ""

    def takes(self, version: str) -> bool:
        """Tell whether it goes on with tasks that began with a version."""
        return self.process.versions is None or version in self.process.versions


_decoder = msgspec.json.Decoder(Instance)


def presence_key(agent: str, instance: str) -> str:
    """Return the subject under which an instance is present."""
    return f"$KV.{PRESENCE_BUCKET}.{agent}.{instance}"


def read_instance(stored: StoredMessage) -> Instance | None:
    """Read a value of the presence bucket; None for a deleted one and for what is no card."""
    if not stored.data or _is_outlived(stored):
        return None
    try:
        instance = decode(stored.data, _decoder)
    except InvalidMessage:
        return None
    agent, _, mark = stored.subject.removeprefix(f"$KV.{PRESENCE_BUCKET}.").partition(".")
    # The key is the truth: a card under another agent's name is nobody's.
    if instance.token != agent:
        return None
    return msgspec.structs.replace(instance, id=mark, last_seen=stored.time)


def _is_outlived(stored: StoredMessage) -> bool:
    """Tell whether the server should have dropped a value; one that was killed may forget that."""
    seconds = stored.headers.get(TTL, "").removesuffix("s")
    if not seconds.isdecimal():
        return False
    with contextlib.suppress(InvalidMessage):
        return read_iso(stored.time) + int(seconds) + _CLOCKS_DIFFER_SECONDS < time.time()
    return False


async def list_instances(connection: Connection) -> list[Instance]:
    """Return the instances of all agents that are there.

    Raises:
        ConnectionLost: the server does not answer.
    """
    found = await connection.read_back(f"KV_{PRESENCE_BUCKET}", f"$KV.{PRESENCE_BUCKET}.>")
    return [instance for stored in found if (instance := read_instance(stored)) is not None]


async def list_cards(connection: Connection, *, include_offline: bool = False) -> list[AgentCard]:
    """Return the cards of the agents that are there, by name.

    Args:
        connection: the mesh.
        include_offline: also those that were there once.

    Raises:
        ConnectionLost: the server does not answer.
    """
    there: dict[str, list[Instance]] = {}
    for instance in await list_instances(connection):
        there.setdefault(instance.token, []).append(instance)
    cards = {token: one_card(instances) for token, instances in there.items()}
    if include_offline:
        registry = f"$KV.{REGISTRY_BUCKET}."
        for stored in await connection.read_back(f"KV_{REGISTRY_BUCKET}", f"{registry}>"):
            card = _registered(stored)
            if card is not None and f"{registry}{card.token}" == stored.subject:
                cards.setdefault(card.token, card)
    return sorted(cards.values(), key=lambda card: card.name.casefold())


async def find_card(connection: Connection, agent: str) -> AgentCard | None:
    """Return the card of an agent that is there or was there once, None if it never was.

    Args:
        connection: the mesh.
        agent: the agent's token.

    Raises:
        ConnectionLost: the server does not answer.
    """
    if there := await instances_of(connection, agent):
        return one_card(there)
    subject = f"$KV.{REGISTRY_BUCKET}.{agent}"
    stored = await connection.last_of(f"KV_{REGISTRY_BUCKET}", subject)
    card = None if stored is None else _registered(stored)
    return card if card is not None and card.token == agent else None


async def instances_of(connection: Connection, agent: str) -> list[Instance]:
    """Return the instances of one agent.

    Args:
        connection: the mesh.
        agent: the agent's token.

    Raises:
        ConnectionLost: the server does not answer.
    """
    found = await connection.read_back(f"KV_{PRESENCE_BUCKET}", presence_key(agent, "*"))
    return [instance for stored in found if (instance := read_instance(stored)) is not None]


def one_card(instances: Iterable[Instance]) -> AgentCard:
    """Return the card of an agent, made of those of its instances.

    The instance that came last describes the agent: it is likely to run the newest program.

    Args:
        instances: at least one.
    """
    every = sorted(instances, key=lambda one: (one.process.since, one.id))
    latest = every[-1]
    freshest = max(every, key=lambda one: _moment(one.last_seen))
    in_nobodys_hands = freshest.process.stored - sum(one.process.held for one in every)
    return AgentCard(
        name=latest.name,
        description=latest.description,
        capabilities=latest.capabilities,
        tools=latest.tools,
        model=latest.model,
        version=latest.version,
        metadata=latest.metadata,
        status=min((one.status for one in every), key=_BEST_FIRST.index),
        instances=len(every),
        running=sum(one.running for one in every),
        queued=max(0, in_nobodys_hands) + sum(one.process.waiting for one in every),
        last_seen=freshest.last_seen,
    )


def _registered(stored: StoredMessage) -> AgentCard | None:
    try:
        card = AgentCard.from_bytes(stored.data)
    except InvalidMessage:
        return None
    return msgspec.structs.replace(
        card, status=AgentStatus.OFFLINE, instances=0, running=0, queued=0, last_seen=stored.time
    )


def _moment(time: str | None) -> float:
    """Return a time of the server in seconds since 1970; it leaves trailing zeros out."""
    return read_iso(time) if time else 0.0
