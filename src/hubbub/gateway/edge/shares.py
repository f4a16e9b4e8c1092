"""A fair share of each inbox for every user: they all send under the gateway's one name.

The server takes so many messages of a sender on a lane of an inbox, and nobody's after that. So a
user may have no more messages on a lane than there is room left for others: one alone gets half
of it, and whoever comes later still finds a place.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from hubbub.gateway.problems import Refusal
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import OWNER
from hubbub.mesh.transport.streams import INBOX, expect_streams
from hubbub.wire.names import agent_token

__all__ = ["Shares"]

_FRESH_SECONDS = 1.0
_MOST_LANES = 10_000
# Of larger messages, so many bytes tell whose they are; the rest is taken to be like them.
_MOST_BYTES = 32 << 20


@dataclass(slots=True)
class _Lane:
    """What one lane of an inbox holds of the gateway's messages.

    Attributes:
        limit: how many it takes.
        total: how many it holds.
        owners: how many of each user, if that has been looked at.
        seen_at: when it was looked at.
    """

    limit: int
    total: int
    owners: Counter[str] | None
    seen_at: float = field(default_factory=time.monotonic)

    @property
    def is_stale(self) -> bool:
        """Whether it must be looked at again before anything is said about it."""
        old = time.monotonic() - self.seen_at > _FRESH_SECONDS
        return old or (self.owners is None and 2 * self.total >= self.limit)

    def add(self, user: str) -> None:
        """Count one more message."""
        self.total += 1
        if self.owners is not None:
            self.owners[user] += 1


class Shares:
    """Sees that no user fills the inboxes alone."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._on_their_way: dict[str, Counter[str]] = {}
        self._looking = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def taken(self, mesh: Mesh, user: str, agent: str, priority: int) -> AsyncGenerator[None]:
        """Count one message, which a user sends in the context.

        Raises:
            Refusal: 429, with `Retry-After`: the user has too many waiting there.
            InvalidAgentName: the name cannot be an agent's.
            ConnectionLost: the server does not answer.
        """
        connection = mesh.connection
        subject = connection.layout.direct(agent_token(agent), priority, agent_token(mesh.name))
        # One at a time, and what is not stored yet counts, too.
        async with self._looking:
            lane = await self._lane(connection, subject)
            waiting = lane.owners[user] if lane.owners is not None else 0
            if waiting >= max(1, lane.limit - lane.total):
                raise Refusal(
                    429,
                    "inbox-full",
                    f"{waiting:,} messages of yours wait for {agent} already, which is your share "
                    "of its inbox just now: try again when it has worked some off",
                    headers={"Retry-After": "5"},
                )
            lane.add(user)
            sending = self._on_their_way.setdefault(subject, Counter())
            sending[user] += 1
        try:
            yield
        finally:
            sending[user] -= 1
            if not sending.total() and self._on_their_way.get(subject) is sending:
                del self._on_their_way[subject]

    async def _lane(self, connection: Connection, subject: str) -> _Lane:
        lane = self._lanes.pop(subject, None)
        if lane is None or lane.is_stale:
            # Known before we look: what is stored meanwhile rather counts twice than not at all.
            sending = Counter(self._on_their_way.get(subject, Counter()))
            lane = await _looked_at(connection, subject, sending)
        self._lanes[subject] = lane
        if len(self._lanes) > _MOST_LANES:
            self._lanes.popitem(last=False)
        return lane


async def _looked_at(connection: Connection, subject: str, sending: Counter[str]) -> _Lane:
    await expect_streams(connection)
    info = await connection.api(f"STREAM.INFO.{INBOX}", {"subjects_filter": subject})
    limit = int(info["config"]["max_msgs_per_subject"])
    stored: dict[str, int] = info["state"].get("subjects") or {}
    there = stored.get(subject, 0)
    total = there + sending.total()
    if limit < 1:
        return _Lane(1 << 62, total, None)
    if 2 * total < limit:
        return _Lane(limit, total, None)  # even if all of it were one user's
    owners, size, start = Counter[str](), 0, 1
    while size < _MOST_BYTES:
        some = await connection.read_some(INBOX, start=start, subject=subject)
        if not some:
            break
        owners.update(one.headers.get(OWNER, "") for one in some)
        size += sum(len(one.data) for one in some)
        start = some[-1].sequence + 1
    if 0 < owners.total() < there:
        scale = there / owners.total()
        owners = Counter({user: round(count * scale) for user, count in owners.items()})
    return _Lane(limit, total, owners + sending)
