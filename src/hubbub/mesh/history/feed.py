"""Reading one stream onwards: what is stored, then what comes, each message once.

The consumer lives in the server's memory and forgets nothing that we need: after every break a
new one begins behind the last message that we had.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.replies import status_of
from hubbub.mesh.transport.streams import ensure_streams

__all__ = ["Delivered", "Feed", "open_feed"]

log = logging.getLogger("hubbub.history")

_BATCH = 256
_PULL_BYTES = 8 << 20
# A pull that reaches a consumer in the moment it is deleted gets no answer at all: its silence
# must not last long.
_PULL_SECONDS = 5.0
_LATE_SECONDS = 2.0
_FORGOTTEN_SECONDS = 60
_NOT_FOUND = 404
_OVER = ("404", "408")

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that a consumer has delivered.

    Attributes:
        message: as it came.
        sequence: its place in the stream.
        nanoseconds: when it was stored, since 1970.
    """

    message: Msg
    sequence: int
    nanoseconds: int


class Feed:
    """Reads a stream onwards; made by `open_feed`.

    Attributes:
        stream: its name.
        last: sequence of the last message taken, or of the one before the first to come.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        subjects: list[str],
        *,
        after: int | None,
        since: str | None,
        latest: bool,
        inbox: str,
        changed: asyncio.Event,
    ) -> None:
        self._connection = connection
        self.stream = stream
        self._subjects = subjects
        self.last = after
        self._since = since
        self._latest = latest
        self._inbox = inbox
        self._changed = changed
        self._held: deque[Delivered] = deque()
        self._consumer = ""
        self._delivered = 0
        self._behind: int | None = None
        self._reply = ""
        self._due = 0
        self._pulls = 0
        self._created = ""
        self._end: int | None = None
        self._heard_at = 0.0

    # What comes

    async def take_in(self, message: Msg) -> None:
        """Take in what comes on the subscription."""
        self._heard_at = asyncio.get_running_loop().time()
        status = status_of(message)
        if not status:
            self._add(message)
        elif message.subject == self._reply:
            self._reply = ""
            if status in _OVER:
                self._behind = 0  # what we knew to be there has been discarded since
            elif "MaxBytes" not in (message.headers or {}).get("Description", ""):
                self.interrupt()
        self._changed.set()

    def _add(self, message: Msg) -> None:
        tokens = message.reply.split(".")
        start = 2 if len(tokens) < 11 else 4  # newer servers put a domain and an account before
        consumer = tokens[start + 1]
        sequence, number, time, pending = (int(token) for token in tokens[start + 3 : start + 7])
        if consumer != self._consumer:
            return  # a late one from before a break
        if number != self._delivered + 1:
            self.interrupt()
            return
        self._delivered = number
        self._due -= 1
        if not self._due:
            self._reply = ""  # the pull has got all that it asked for
        self._behind = pending
        self._held.append(Delivered(message, sequence, time))

    def interrupt(self) -> None:
        """Begin again behind the last message taken: something may have been lost on the way."""
        self._consumer = ""
        self._changed.set()

    # What is there

    @property
    def is_settled(self) -> bool:
        """Whether it is known what comes next: a message that is here, or one not yet said."""
        return bool(self._held) or (bool(self._consumer) and self._behind == 0)

    @property
    def is_through(self) -> bool:
        """Whether all that was stored when the reading began has been taken."""
        if self._end is None or self.last is None:
            return False
        if self.last >= self._end:
            return True
        # What is at the end may be on other subjects, or have been discarded since.
        return self.is_settled and (self.head is None or self.head.sequence > self._end)

    @property
    def is_low(self) -> bool:
        """Whether more should be asked for."""
        return not self._reply and len(self._held) < _BATCH

    @property
    def head(self) -> Delivered | None:
        """The next message, if it is here."""
        return self._held[0] if self._held else None

    def take(self) -> Delivered:
        """Return the next message, and go on behind it."""
        taken = self._held.popleft()
        self.last = taken.sequence
        return taken

    async def tend(self) -> None:
        """See that messages are coming.

        Raises:
            PermissionDenied: we may not read the stream.
            APIError: the server refuses.
            ConnectionLost: the server does not answer.
        """
        now = asyncio.get_running_loop().time()
        if self._reply and now > self._heard_at + _PULL_SECONDS + _LATE_SECONDS:
            self.interrupt()  # the server has forgotten us
        if not self._consumer:
            await self._begin()
        if self.is_low:
            self._pulls += 1
            self._reply = f"{self._inbox}.{self._pulls}"
            self._due = _BATCH
            self._heard_at = now
            # Nobody waits for what is known to be there: it may be discarded before it is sent.
            wait = b'"no_wait":true' if self._behind else b'"expires":%d' % int(_PULL_SECONDS * 1e9)
            max_bytes = max(_PULL_BYTES, 2 * self._connection.max_payload)
            ask = b'{"batch":%d,"max_bytes":%d,%s}' % (_BATCH, max_bytes, wait)
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self._consumer}"
            await self._connection.publish(subject, ask, reply=self._reply)

    async def _begin(self) -> None:
        self._held.clear()
        self._reply, self._delivered, self._behind = "", 0, None
        await self._connection.available()
        stream = await self._stream_info()
        config: dict[str, Any] = {
            "ack_policy": "none",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _FORGOTTEN_SECONDS * 1_000_000_000,
            "filter_subjects": self._subjects,
        }
        if self.last is not None:
            config |= {
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": self._still_valid(self.last, stream) + 1,
            }
        elif self._since is not None:
            config |= {"deliver_policy": "by_start_time", "opt_start_time": self._since}
        else:
            config |= {"deliver_policy": "last_per_subject" if self._latest else "new"}
        answer = await self._connection.api(
            f"CONSUMER.CREATE.{self.stream}", {"stream_name": self.stream, "config": config}
        )
        self._consumer = answer["name"]
        self._behind = answer["num_pending"]
        self._created = stream["created"]
        if self._end is None:
            self._end = stream["state"]["last_seq"]
        if self.last is None:
            self.last = answer["delivered"]["stream_seq"]

    async def _stream_info(self) -> dict[str, Any]:
        try:
            return await self._connection.api(f"STREAM.INFO.{self.stream}")
        except APIError as error:
            if error.code != _NOT_FOUND:
                raise
        await ensure_streams(self._connection)
        return await self._connection.api(f"STREAM.INFO.{self.stream}")

    def _still_valid(self, last: int, stream: dict[str, Any]) -> int:
        """Return the sequence to go on behind: the last one, if the stream still is what it was."""
        end: int = stream["state"]["last_seq"]
        if self._created and stream["created"] != self._created:
            log.warning("The server has lost the stream %s: it is read anew", self.stream)
            return 0
        return min(last, end)

    async def end(self) -> None:
        """Let the server forget us at once."""
        if self._consumer and self._connection.client.is_connected:
            with contextlib.suppress(ConnectionLost):
                await self._connection.publish(
                    f"$JS.API.CONSUMER.DELETE.{self.stream}.{self._consumer}",
                    b"",
                    reply=f"{self._inbox}.end",
                )


@contextlib.asynccontextmanager
async def open_feed(
    connection: Connection,
    stream: str,
    subjects: list[str],
    *,
    after: int | None,
    since: str | None = None,
    latest: bool = False,
    changed: asyncio.Event,
) -> AsyncGenerator[Feed]:
    """Read a stream onwards while the context lasts.

    Args:
        connection: the mesh.
        stream: its name.
        subjects: only what is on these; no two may take the same subject.
        after: begin behind this sequence.
        since: without `after`: begin at this time, RFC 3339; None for what comes from now on.
        latest: without both: begin with what is last on each subject now.
        changed: set whenever there is news.

    Raises:
        APIError: the server refuses.
        PermissionDenied: we may not read the stream.
        ConnectionLost: the server does not answer.
    """
    inbox = f"_INBOX.{connection.id}.feed.{next(_numbers)}"
    feed = Feed(
        connection,
        stream,
        subjects,
        after=after,
        since=since,
        latest=latest,
        inbox=inbox,
        changed=changed,
    )
    async with connection.subscription(f"{inbox}.*", feed.take_in):
        with connection.on_reconnect(feed.interrupt):
            try:
                await feed.tend()
                yield feed
            finally:
                await feed.end()
