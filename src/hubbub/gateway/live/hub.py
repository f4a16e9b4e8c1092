"""Feeds the live pages of one process: each happening is read once and written once for all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost, HubbubError, TaskNotFound
from hubbub.gateway.live.backlog import read_backlog
from hubbub.gateway.live.happenings import (
    Happening,
    QuestionsSeen,
    frame,
    mesh_frame,
    of_beat,
    of_delta,
    of_entry,
)
from hubbub.gateway.live.page import Page
from hubbub.gateway.live.people import of_people
from hubbub.gateway.live.place import LivePlace
from hubbub.gateway.live.sources import read_letter, read_logged, tail
from hubbub.gateway.records.said import Asked
from hubbub.mesh.history.pages import Place
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.streams import DEAD, TASKS, expect_streams
from hubbub.wire.clock import now
from hubbub.wire.envelope import HEARTBEAT_PREFIX
from hubbub.wire.subjects import parse

__all__ = ["Hub"]

log = logging.getLogger("hubbub.gateway")

_BATCH_SECONDS = 0.05
_MOST_WAITING = 20_000
_MOST_OWNERS = 20_000


class Hub:
    """Reads the mesh while there is a page to read it for.

    Args:
        mesh: what to read.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._pages: set[Page] = set()
        self._watching = contextlib.ExitStack()
        self._waiting: list[Happening] = []
        self._news = asyncio.Event()
        self._seen = QuestionsSeen()
        self._asked = Asked()
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._place = LivePlace(0, 0, "0.0")
        self._sent = self._place
        self._opening = asyncio.Lock()
        self._delivering = asyncio.Lock()
        self._running: list[asyncio.Task[None]] = []

    @property
    def pages(self) -> int:
        """How many pages it feeds."""
        return len(self._pages)

    def join(self, page: Page) -> None:
        """Begin to feed a page: first with whether the mesh can be reached."""
        if not self._pages:
            self._watching = contextlib.ExitStack()
            connection = self._mesh.connection
            self._watching.enter_context(connection.on_disconnect(self._tell_state))
            self._watching.enter_context(connection.on_reconnect(self._tell_state))
        self._pages.add(page)
        page.put_first(mesh_frame(self._mesh.connection.client.is_connected, now(), None))

    async def leave(self, page: Page) -> None:
        """Stop feeding a page; behind the last one, the mesh is read no more."""
        self._pages.discard(page)
        if not self._pages:
            self._watching.close()
        async with self._opening:
            if not self._pages:
                await self._stop()

    async def close(self) -> None:
        """Stop feeding all pages."""
        for page in self._pages:
            page.end()
        self._pages.clear()
        self._watching.close()
        await self._stop()

    async def subscribe(self, page: Page, slices: frozenset[str], after: str | None) -> str:
        """Let a page have some more slices, beginning behind a place if it names one.

        Returns:
            The place from which on it hears all of it.

        Raises:
            InvalidCursor: `after` is no place.
            ConnectionLost: the past cannot be read.
        """
        start = None if after is None else LivePlace.of(after)
        await self._started()
        await self._deliver()  # what was before this moment is the past
        end = self._sent
        page.seq = str(end)
        page.slices |= slices
        if start is None:
            return str(end)
        with page.held():
            backlog = await read_backlog(self._mesh, start, end, self._seen)
            wanted = [
                happening.body
                for happening in backlog.happenings
                if not slices.isdisjoint(happening.slices) and await self._may_see(page, happening)
            ]
            page.put_first(frame(str(end), wanted, gap=not backlog.is_whole))
        return str(end)

    def _tell_state(self) -> None:
        connected, at = self._mesh.connection.client.is_connected, now()
        for page in self._pages:
            page.put(mesh_frame(connected, at, page.seq))

    # Reading

    async def _started(self) -> None:
        """Read the mesh from now on, if it is not read yet.

        Raises:
            ConnectionLost: it cannot be read; nobody is kept waiting for it.
        """
        async with self._opening:
            if self._running and not any(task.done() for task in self._running):
                return
            if not self._mesh.connection.client.is_connected:
                raise ConnectionLost(
                    "The gateway has no connection to the NATS server and tries to get one: "
                    "subscribe again when the page is told that it is back"
                )
            await self._start()

    async def _start(self) -> None:
        await self._stop()
        connection = self._mesh.connection
        await expect_streams(connection)
        ends: list[int] = []
        for stream in (TASKS, DEAD):
            info = await connection.api(f"STREAM.INFO.{stream}")
            ends.append(int(info["state"]["last_seq"]))
        page = await self._mesh.history(limit=1)
        self._place = self._sent = LivePlace(ends[0], ends[1], page.after)
        self._waiting.clear()
        works: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._read_logs,
            self._read_letters,
            self._read_history,
            self._hear,
            self._send,
        ]
        self._running = [asyncio.create_task(work(), name=work.__name__) for work in works]
        for task in self._running:
            task.add_done_callback(self._ended)

    async def _stop(self) -> None:
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        # Its pages come back, and begin where they were.
        log.error("The live view cannot go on", exc_info=task.exception())
        for page in self._pages:
            page.end()

    async def _read_logs(self) -> None:
        connection = self._mesh.connection
        source = tail(connection, TASKS, connection.layout.log("*", "*"), after=self._place.tasks)
        async with contextlib.aclosing(source):
            async for sequence, subject, data, headers in source:
                happening = read_logged(sequence, subject, data, headers, self._seen)
                self._see_what_is_lost(sequence <= self._place.tasks)
                self._place = LivePlace(sequence, self._place.dead, self._place.history)
                self._add(happening)

    async def _read_letters(self) -> None:
        source = tail(self._mesh.connection, DEAD, "dead.>", after=self._place.dead)
        async with contextlib.aclosing(source):
            async for sequence, subject, _, headers in source:
                self._place = LivePlace(self._place.tasks, sequence, self._place.history)
                self._add(read_letter(sequence, subject, headers))

    async def _read_history(self) -> None:
        source = self._mesh.follow_history(after=self._place.history, requests=True)
        async with contextlib.aclosing(source):
            async for entry in source:
                before, place = self._place.said, Place.of(entry.cursor)
                self._see_what_is_lost(
                    place.history < before.history or place.notices < before.notices
                )
                self._place = LivePlace(self._place.tasks, self._place.dead, entry.cursor)
                self._add(of_entry(entry, self._asked))

    async def _hear(self) -> None:
        connection = self._mesh.connection

        async def on_beat(message: Msg) -> None:
            if message.data.startswith(HEARTBEAT_PREFIX):
                self._add(of_beat(message.data))

        async def on_piece(message: Msg) -> None:
            address = parse(message.subject)
            if address is not None:
                self._add(of_delta(address.agent, address.task_id, message.data))

        async def on_people(message: Msg) -> None:
            address = parse(message.subject)
            if address is not None:
                told = of_people(address.agent, address.task_id, message.data, self._seen)
                self._add(told)

        async with (
            connection.subscription(connection.layout.everybody_filter, on_beat),
            connection.subscription(connection.layout.live("*", "*"), on_piece),
            connection.subscription(connection.layout.people("*", "*"), on_people),
        ):
            await asyncio.Event().wait()

    def _see_what_is_lost(self, is_lost: bool) -> None:
        """Tell the pages to read lists anew if a stream of the server begins anew."""
        if is_lost:
            for page in self._pages:
                page.missed = True

    def _add(self, happening: Happening | None) -> None:
        if happening is None:
            return
        if happening.task_id and happening.owner is not None:
            self._know(happening.task_id, happening.owner)
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.clear()
            for page in self._pages:
                page.missed = True
        self._waiting.append(happening)
        self._news.set()

    # Sending

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_BATCH_SECONDS)
            await self._deliver()

    async def _deliver(self) -> None:
        """Give every page what has come since the last time."""
        async with self._delivering:
            self._news.clear()
            some, self._waiting = self._waiting, []
            place = self._place
            if any(not page.who.sees_all for page in self._pages):
                for happening in some:
                    await self._owner_of(happening)
            self._sent = place
            self._give(some)

    def _give(self, some: list[Happening]) -> None:
        seq, written = str(self._sent), dict[tuple[frozenset[str], str | None], bytes | None]()
        for page in self._pages if some else ():
            user = None if page.who.sees_all else page.who.user
            key = (page.slices, user)
            if key not in written:
                bodies = [
                    one.body
                    for one in some
                    if not page.slices.isdisjoint(one.slices)
                    and (user is None or one.public or self._known_owner(one) == user)
                ]
                written[key] = frame(seq, bodies) if bodies else None
            data = written[key]
            if data is not None:
                page.seq = seq
                page.put(data)

    # Owners

    def _known_owner(self, happening: Happening) -> str | None:
        return happening.owner or self._owners.get(happening.task_id)

    async def _may_see(self, page: Page, happening: Happening) -> bool:
        if page.who.sees_all or happening.public:
            return True
        return await self._owner_of(happening) == page.who.user

    async def _owner_of(self, happening: Happening) -> str | None:
        known = self._known_owner(happening)
        if known is not None or not happening.task_id or happening.public:
            return known
        try:
            owner = (await self._mesh.find_task(happening.task_id)).owner
        except TaskNotFound:
            return None
        except HubbubError as error:
            log.warning("The owner of a task cannot be told just now: %s", error)
            return None
        self._know(happening.task_id, owner)
        return owner

    def _know(self, task_id: str, owner: str) -> None:
        self._owners[task_id] = owner
        if len(self._owners) > _MOST_OWNERS:
            self._owners.popitem(last=False)
