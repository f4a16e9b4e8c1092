"""The conversation as it goes on: what is stored from a point on, then what is said, once each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage, PermissionDenied
from hubbub.mesh.history.entries import LIVE_KINDS, HistoryEntry, Selection, read_entry, stamp
from hubbub.mesh.history.feed import Delivered, Feed, open_feed
from hubbub.mesh.history.pages import STREAMS, Place, since_nanoseconds
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import FINAL
from hubbub.mesh.transport.streams import INBOX
from hubbub.wire.ids import new_id

__all__ = ["following"]

log = logging.getLogger("hubbub.history")

_LIVE_SUBJECTS = ("agents.request.>", "agents.reply.>")
# While a long past is being read, the oldest are given up.
_MOST_LIVE = 10_000
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.25


@contextlib.asynccontextmanager
async def following(
    connection: Connection,
    selection: Selection,
    *,
    since: datetime | float | None,
    after: str | None,
    requests: bool,
    live: bool,
) -> AsyncGenerator[AsyncGenerator[HistoryEntry]]:
    """Follow the conversation while the context lasts: whatever is said in it is heard.

    Arguments are those of `Mesh.follow_history`.

    Raises:
        InvalidCursor: `after` is no cursor.
        PermissionDenied: we may not read the history.
        ConnectionLost: the connection is closed, or the server does not answer at the start.
    """
    place = Place.of(after) if after is not None else None
    if place is None and since is None and not live:
        place = Place(0, 0)
    start = None if since is None else stamp(since_nanoseconds(since))
    changed = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        heard = deque[Delivered](maxlen=_MOST_LIVE)
        if live and requests and selection.wants(*LIVE_KINDS):
            await _hear_requests(connection, heard, changed, stack)
        # One set of subjects for all selections: a consumer takes no two that overlap.
        subjects = (
            Selection().history_subjects(connection.layout),
            [connection.layout.done("*")],
        )
        feeds = [
            await stack.enter_async_context(
                open_feed(
                    connection,
                    stream,
                    subjects[number],
                    after=None if place is None else place[number],
                    since=start,
                    changed=changed,
                )
            )
            for number, stream in enumerate(STREAMS)
        ]
        hears = live and requests
        entries = _entries(connection, selection, feeds, heard, changed, live=live, hears=hears)
        async with contextlib.aclosing(entries):
            yield entries


async def _entries(
    connection: Connection,
    selection: Selection,
    feeds: list[Feed],
    heard: deque[Delivered],
    changed: asyncio.Event,
    *,
    live: bool,
    hears: bool,
) -> AsyncGenerator[HistoryEntry]:
    """Yield the entries; copies of requests and replies only if these are not heard themselves."""
    while live or not all(feed.is_through for feed in feeds):
        changed.clear()
        pause = await _tended(connection, feeds)
        while (entry := _next(connection, feeds, heard, with_copies=not hears)) is not None:
            if isinstance(entry, HistoryEntry) and selection.takes(entry):
                yield entry
            if any(feed.is_low for feed in feeds) or (
                not live and all(feed.is_through for feed in feeds)
            ):
                break
        else:
            if live or not all(feed.is_through for feed in feeds):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await changed.wait()


async def _hear_requests(
    connection: Connection,
    heard: deque[Delivered],
    changed: asyncio.Event,
    stack: contextlib.AsyncExitStack,
) -> None:
    """Hear what is kept nowhere, requests and replies, until the stack is closed."""

    async def take_in(message: Msg) -> None:
        heard.append(Delivered(message, 0, time.time_ns()))
        changed.set()

    for subject in _LIVE_SUBJECTS:
        await stack.enter_async_context(connection.subscription(subject, take_in))
    await connection.flush()


async def _tended(connection: Connection, feeds: list[Feed]) -> float:
    """See that messages are coming; return after how many seconds to do so again."""
    try:
        for feed in feeds:
            await feed.tend()
    except PermissionDenied:
        raise
    except HubbubError as error:
        if connection.client.is_closed:
            raise
        log.warning("The history cannot be read on just now: %s", error)
        for feed in feeds:
            feed.interrupt()
        return _PAUSE_SECONDS
    return _LOOK_SECONDS


def _next(
    connection: Connection, feeds: list[Feed], heard: deque[Delivered], *, with_copies: bool
) -> HistoryEntry | bool | None:
    """Take what comes next: an entry, True for what is none, None if that is not known yet."""
    if not all(feed.is_settled for feed in feeds):
        return None
    heads = [(head.nanoseconds, feed) for feed in feeds if (head := feed.head) is not None]
    first = min(heads, key=lambda head: head[0]) if heads else None
    if heard and (first is None or heard[0].nanoseconds < first[0]):
        return _heard(connection, feeds, heard.popleft())
    if first is None:
        return None
    feed = first[1]
    entry = _stored(connection, feeds, feed, feed.take())
    is_copy = isinstance(entry, HistoryEntry) and entry.kind in LIVE_KINDS
    return entry if with_copies or not is_copy else True


def _stored(
    connection: Connection, feeds: list[Feed], feed: Feed, taken: Delivered
) -> HistoryEntry | bool:
    headers = taken.message.headers or {}
    number = headers.get("Nats-Sequence", "")
    of_inbox = headers.get("Nats-Stream") == INBOX and number.isdecimal()
    message_id = f"s{number}" if of_inbox else f"h{taken.sequence}"
    try:
        entry = read_entry(
            taken.message.subject,
            taken.message.data,
            headers,
            secured=connection.layout.secured,
            message_id=message_id,
            at=stamp(taken.nanoseconds),
            cursor=_cursor(feeds),
        )
    except InvalidMessage as error:
        log.debug("Unreadable: %s at %d: %s", feed.stream, taken.sequence, error)
        return True
    return entry or True


def _heard(connection: Connection, feeds: list[Feed], heard: Delivered) -> HistoryEntry | bool:
    try:
        entry = read_entry(
            heard.message.subject,
            heard.message.data,
            heard.message.headers or {},
            secured=connection.layout.secured,
            message_id=new_id(),
            at=stamp(heard.nanoseconds),
            cursor=_cursor(feeds),
        )
    except InvalidMessage as error:
        log.debug("Unreadable: %s: %s", heard.message.subject, error)
        return True
    # The pieces of a streamed answer are shown, and its end, which is empty; not its keep-alives.
    is_end = FINAL in (heard.message.headers or {})
    if entry is None or (
        entry.kind == "reply" and not entry.failed and not entry.message.text and not is_end
    ):
        return True
    return entry


def _cursor(feeds: list[Feed]) -> str:
    return Place(*(feed.last or 0 for feed in feeds)).cursor
