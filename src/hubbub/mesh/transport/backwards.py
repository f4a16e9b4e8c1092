"""Reading a stream from its end: JetStream reads forwards only, so windows go back over it."""

from __future__ import annotations

from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection

__all__ = ["READ_BYTES", "Backwards"]

READ_BYTES = 8 << 20
_HELD_BYTES = 4 * READ_BYTES
_MOST = 512
_STEEP = 4


class Backwards:
    """Walks from a place in a stream towards its beginning, the latest message first.

    Args:
        connection: the mesh.
        stream: its name.
        subject: only what is on it; may hold wildcards, empty for all.
        last: the sequence to begin with.
        first: the lowest sequence to look at, from 1.
        want: about how many messages are wanted.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        subject: str,
        *,
        last: int,
        first: int,
        want: int,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subject = subject
        self._last = last
        self._first = first
        self._want = min(want, _MOST)
        # As wide as what is wanted, if every sequence holds a message of ours; wider if few do.
        self._width = self._want
        self._held: list[StoredMessage] = []

    async def head(self) -> StoredMessage | None:
        """Return the next message without taking it, None if there are no more.

        Raises:
            ConnectionLost: the server does not answer.
        """
        while not self._held and self._last >= self._first:
            low = max(self._first, self._last - self._width + 1)
            found = await self._between(low, self._last)
            if found is None:
                self._width = max(1, self._width // _STEEP)
                self._want = min(self._want, self._width)
                continue
            self._held, self._last = found, low - 1
            if len(found) * _STEEP < self._want:
                self._width *= _STEEP
            if _size(found) < READ_BYTES:
                self._want = min(2 * self._want, _MOST)
                self._width = max(self._width, self._want)
        return self._held[-1] if self._held else None

    def take(self) -> None:
        """Go on behind the message that `head` has returned."""
        self._held.pop()

    async def _between(self, low: int, high: int) -> list[StoredMessage] | None:
        """Return what lies in a window, None if that is too much to be held."""
        found: list[StoredMessage] = []
        wide = high - low + 1 > self._want
        # In a wide window there may be nothing: then one message tells as much as many.
        limit = 1 if wide else self._want
        while low <= high:
            batch = await self._connection.read_some(
                self._stream,
                start=low,
                subject=self._subject,
                limit=min(limit, high - low + 1),
                max_bytes=READ_BYTES,
            )
            inside = [message for message in batch if message.sequence <= high]
            found += inside
            if len(inside) < len(batch) or not batch or _is_last(batch[-1]):
                break
            if wide and len(found) > _STEEP * self._want:
                return None
            if _size(found) > _HELD_BYTES and self._width > 1:
                return None
            low, limit = batch[-1].sequence + 1, self._want
        return found


def _size(messages: list[StoredMessage]) -> int:
    return sum(len(message.data) for message in messages)


def _is_last(message: StoredMessage) -> bool:
    return message.headers.get("Nats-Num-Pending") == "0"
