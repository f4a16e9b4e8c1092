"""The conversation as it was: two streams merged into one, read in pages from the end.

What was said lies in `HISTORY`, how tasks ended in `NOTICES`. A place in the conversation is a
sequence of each; it stays what it is, whatever is said later.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from hubbub.errors import InvalidCursor, InvalidMessage
from hubbub.mesh.history.entries import HistoryEntry, Selection, nanoseconds, read_entry, stamp
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.backwards import READ_BYTES, Backwards
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import HISTORY, HISTORY_PREFIX, NOTICES

__all__ = ["STREAMS", "HistoryPage", "Place", "read_page", "since_nanoseconds"]

STREAMS = (HISTORY, NOTICES)
"""The streams that are merged, in the order of a place's sequences."""

_PAGE_BYTES = 16 << 20

# The server counts nanoseconds in 64 bits, which end in 2262.
_LAST_SECOND = 9e9

_CURSOR = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")
_INBOX_SEQUENCE = re.compile(rb"^Nats-Sequence: (\d+)\r$", re.MULTILINE)


class Place(NamedTuple):
    """A place between two entries: the last sequences of both streams that lie before it."""

    history: int
    notices: int

    @property
    def cursor(self) -> str:
        """The place as text."""
        return f"{self.history}.{self.notices}"

    @classmethod
    def of(cls, cursor: str) -> Place:
        """Read a cursor.

        Raises:
            InvalidCursor: it is none.
        """
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise InvalidCursor(
                f"{cursor[:40]!r} is no cursor: use that of a page or an entry of the history"
            )
        return cls(int(match[1]), int(match[2]))


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries of the conversation that follow one another.

    Attributes:
        entries: in the order of time.
        before: cursor of the page before this one; None if the conversation begins here.
        after: cursor of the place behind this page, to go on from with `follow_history`.
        unreadable: how many messages in this stretch could not be read, and are left out.
    """

    entries: list[HistoryEntry]
    before: str | None
    after: str
    unreadable: int


def since_nanoseconds(since: datetime | float) -> int:
    """Return a point in time, or so many seconds ago, in nanoseconds since 1970."""
    moment = since.timestamp() if isinstance(since, datetime) else time.time() - since
    return int(min(max(moment, 0.0), _LAST_SECOND) * 1e9)


async def read_page(
    connection: Connection,
    selection: Selection,
    *,
    since: datetime | float | None,
    before: str | None,
    limit: int,
    look_at: int | None,
) -> HistoryPage:
    """Return the last entries before a place; see `Mesh.history`.

    Raises:
        InvalidCursor: `before` is no cursor.
        ValueError: `limit` or `look_at` is below 1.
        ConnectionLost: the server does not answer.
    """
    if limit < 1 or (look_at is not None and look_at < 1):
        raise ValueError("limit and look_at must be at least 1")
    end = Place.of(before) if before is not None else await _end(connection)
    first = await _first(connection, since)
    subjects: list[list[str]] = [
        selection.history_subjects(connection.layout),
        [""] if selection.wants("completion") else [],
    ]
    if not selection.agent and len(subjects[0]) > 1:
        subjects[0] = [""]
    walks = [
        [
            Backwards(connection, stream, subject, last=end[i], first=first[i], want=limit + 1)
            for subject in subjects[i]
        ]
        for i, stream in enumerate(STREAMS)
    ]
    reading = _Reading(connection, selection, walks, end)
    while len(reading.found) < limit and reading.size < _PAGE_BYTES:
        if look_at is not None and reading.looked_at >= look_at:
            break
        if not await reading.step():
            break
    reading.found.reverse()
    return HistoryPage(
        entries=reading.found,
        before=reading.place.cursor if await reading.latest() else None,
        after=end.cursor,
        unreadable=reading.unreadable,
    )


class _Reading:
    """One page being read, from its end to its beginning."""

    def __init__(
        self,
        connection: Connection,
        selection: Selection,
        walks: Sequence[Sequence[Backwards]],
        end: Place,
    ) -> None:
        self._connection = connection
        self._selection = selection
        self._walks = walks
        self.place = end
        self.found: list[HistoryEntry] = []
        self.unreadable = 0
        self.looked_at = 0
        self.size = 0

    async def latest(self) -> tuple[int, StoredMessage] | None:
        """Return the last message before the place, and the number of its stream."""
        latest: tuple[int, StoredMessage] | None = None
        for number, walks in enumerate(self._walks):
            # Within a stream the order is its own, whatever its clock has done.
            heads = [head for walk in walks if (head := await walk.head()) is not None]
            if not heads:
                continue
            last = max(heads, key=lambda head: head.sequence)
            if latest is None or nanoseconds(last.time) >= nanoseconds(latest[1].time):
                latest = number, last
        return latest

    async def step(self) -> bool:
        """Take the last message before the place; tell whether there was one."""
        latest = await self.latest()
        if latest is None:
            return False
        self.looked_at += 1
        number, stored = latest
        behind = _moved(self.place, number, stored.sequence)
        self.place = _moved(self.place, number, stored.sequence - 1)
        for walk in self._walks[number]:
            head = await walk.head()
            if head is not None and head.sequence == stored.sequence:
                walk.take()
        try:
            entry = await self._read(stored, behind)
        except InvalidMessage:
            self.unreadable += 1
            return True
        if entry is not None and self._selection.takes(entry):
            self.found.append(entry)
            self.size += len(stored.data)
        return True

    async def _read(self, stored: StoredMessage, behind: Place) -> HistoryEntry | None:
        no_id = f"h{stored.sequence}"
        entry = read_entry(
            stored.subject,
            stored.data,
            stored.headers,
            secured=self._connection.layout.secured,
            message_id=no_id,
            at=stamp(nanoseconds(stored.time)),
            cursor=behind.cursor,
        )
        if entry is None or entry.message.message_id != no_id:
            return entry
        # A conversation may be named after the id, which is asked for only if it matters.
        named_after_it = self._selection.context.startswith("s") and not entry.message.context_id
        if not (named_after_it or self._selection.takes(entry)):
            return None
        task_id = await _task_id(self._connection, stored)
        message = entry.message.replace(message_id=task_id or no_id)
        return msgspec.structs.replace(entry, message=message)


def _moved(place: Place, number: int, sequence: int) -> Place:
    return place._replace(history=sequence) if number == 0 else place._replace(notices=sequence)


async def _task_id(connection: Connection, copy: StoredMessage) -> str | None:
    """Return the id that a plain client's message got, from its sequence in the inbox.

    Direct access puts the history's own sequence over that one.
    """
    if not copy.subject.startswith(HISTORY_PREFIX):
        return None
    try:
        answer = await connection.api(f"STREAM.MSG.GET.{HISTORY}", {"seq": copy.sequence})
    except APIError:  # it has just been discarded
        return None
    numbers = _INBOX_SEQUENCE.findall(base64.b64decode(answer["message"].get("hdrs", "")))
    return f"s{int(numbers[-1])}" if numbers else None


async def _end(connection: Connection) -> Place:
    """Return the place behind all that is there."""
    last = [await connection.last_of(stream, ">") for stream in STREAMS]
    return Place(*(0 if message is None else message.sequence for message in last))


async def _first(connection: Connection, since: datetime | float | None) -> list[int]:
    """Return the first sequences at or after a point in time."""
    if since is None:
        return [1 for _ in STREAMS]
    start = datetime.fromtimestamp(since_nanoseconds(since) / 1e9, UTC).isoformat()
    first: list[int] = []
    for stream in STREAMS:
        found = await connection.read_some(stream, start=start, limit=1, max_bytes=READ_BYTES)
        first.append(found[0].sequence if found else 1 << 63)
    return first
