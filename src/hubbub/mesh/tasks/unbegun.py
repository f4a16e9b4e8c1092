"""Where the messages lie that open tasks nobody has begun with, by the ids of the tasks.

A subject of an inbox does not hold an id, so that all that waits has to be looked at; but each
message once, not anew for every id that somebody asks for.
"""

from __future__ import annotations

import re
from collections import OrderedDict

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.job import read_opener
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.backwards import Backwards
from hubbub.mesh.transport.concurrency import Rounds
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID
from hubbub.mesh.transport.streams import INBOX, TASKS
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.subjects import parse

__all__ = ["Unbegun", "has_begun", "read_waiting"]

_SUBJECT = "agents.direct.>"
_MOST = 100_000
_WALK = 256
_BY_PLACE = re.compile(r"s([1-9][0-9]{0,17})")


class Unbegun:
    """Remembers where messages lie, as far as the inboxes have been read.

    Args:
        connection: the mesh.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._places: OrderedDict[str, int] = OrderedDict()
        self._created = ""
        self._read_to = 0
        self._forgotten_to = 0
        self._rounds = Rounds()

    async def find(self, task_id: str) -> StoredMessage | None:
        """Return the message in an inbox that may have opened a task; None if none waits.

        Raises:
            ConnectionLost: the server does not answer.
        """
        by_place = _BY_PLACE.fullmatch(task_id)
        if by_place is not None:
            found = await self._connection.at(INBOX, int(by_place[1]))
            if found is not None:
                return found
        if (found := await self._known(task_id)) is not None:
            return found
        await self._rounds.join(self._read_on)
        if (found := await self._known(task_id)) is not None:
            return found
        return await self._walk_to(task_id)

    async def _known(self, task_id: str) -> StoredMessage | None:
        place = self._places.get(task_id)
        stored = None if place is None else await self._connection.at(INBOX, place)
        # It has gone, and where it was there may be another, of a server that lost its store.
        return stored if stored and stored.headers.get(MESSAGE_ID) == task_id else None

    async def _read_on(self) -> None:
        """Read what has come since the last time."""
        stream = await self._connection.api(f"STREAM.INFO.{INBOX}")
        first, last = int(stream["state"]["first_seq"]), int(stream["state"]["last_seq"])
        if stream["created"] != self._created:  # a server that lost its store has another one
            self._created = stream["created"]
            self._places.clear()
            self._read_to = self._forgotten_to = 0
        while self._places and next(iter(self._places.values())) < first:
            self._places.popitem(last=False)
        self._read_to = max(self._read_to, first - 1)
        while self._read_to < last:
            some = await self._connection.read_some(
                INBOX, start=self._read_to + 1, subject=_SUBJECT
            )
            if not some:
                break  # a replica may know less than its leader: it is asked again next time
            for stored in some:
                self._remember(stored)

    def _remember(self, stored: StoredMessage) -> None:
        self._read_to = stored.sequence
        message_id = stored.headers.get(MESSAGE_ID)
        if message_id is None:
            return  # its task is called by its place
        self._places.pop(message_id, None)
        self._places[message_id] = stored.sequence
        if len(self._places) > _MOST:
            _, self._forgotten_to = self._places.popitem(last=False)

    async def _walk_to(self, task_id: str) -> StoredMessage | None:
        """Look through what is too much to be remembered."""
        walk = Backwards(
            self._connection, INBOX, _SUBJECT, last=self._forgotten_to, first=1, want=_WALK
        )
        while (stored := await walk.head()) is not None:
            walk.take()
            if stored.headers.get(MESSAGE_ID) == task_id:
                return stored
        return None


def read_waiting(connection: Connection, stored: StoredMessage) -> tuple[str, AgentMessage] | None:
    """Return for whom a message in an inbox is, and what it says; None if it opens no task."""
    address = parse(stored.subject)
    if address is None or address.kind != "direct":
        return None
    secured = connection.layout.secured
    try:
        return address.agent, read_opener(stored, to_agent=address.agent, secured=secured)
    except InvalidMessage:
        return None  # it will be a dead letter


async def has_begun(connection: Connection, agent: str, task_id: str) -> bool:
    """Tell whether a task has a log.

    Raises:
        ConnectionLost: the server does not answer.
    """
    return await connection.last_of(TASKS, connection.layout.log(agent, task_id)) is not None
