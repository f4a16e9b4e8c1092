"""The signs of life of a process, from a thread of its own with its own connection.

It renews the leases of running tasks and sends the heartbeats of the agents served here. An agent
whose handler blocks the event loop, however long, keeps its task and stays in the list.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from hubbub.errors import HubbubError
from hubbub.mesh.presence.beacon import Beacon
from hubbub.mesh.presence.leases import LeaseKeeper
from hubbub.mesh.transport.concurrency import Wake, background
from hubbub.mesh.transport.connecting import open_connection
from hubbub.mesh.transport.connection import Connection
from hubbub.server.relay import LIFE_NAME

__all__ = ["Life", "open_life"]

log = logging.getLogger("hubbub.life")

_PAUSE_SECONDS = 0.5
_FAREWELL_SECONDS = 5.0
_TURN_SECONDS = 1.0
# Beats that are due almost at the same time are sent together.
_TOGETHER = 0.02


@contextlib.asynccontextmanager
async def open_life(connection: Connection, url: str) -> AsyncGenerator[Life]:
    """Show that this process lives while the context lasts.

    Args:
        connection: the one over which agents are served.
        url: the server's URL, for the connection of the thread.
    """
    life = Life(connection, url)
    life.start()
    try:
        with connection.on_move(life.move):
            await asyncio.to_thread(life.began.wait, connection.config.connection_timeout)
            yield life
    finally:
        await asyncio.to_thread(life.stop)


class Life:
    """The thread, and whom it speaks for; made by `open_life`.

    Attributes:
        leases: the leases that it renews.
        began: set when the thread is connected, or has failed to for the first time.
    """

    def __init__(self, served: Connection, url: str) -> None:
        self._served = served
        self._url = url
        self.leases = LeaseKeeper(served.config.lease_seconds)
        self._beats = _Beats(served)
        self.began = threading.Event()
        self._stopping = threading.Event()
        self._end = Wake()
        # Set while the thread is connected, for `farewell`.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="hubbub-life", daemon=True)

    @property
    def link(self) -> str:
        """The link of the thread's connection, empty while it has none."""
        connection = self._connection
        return connection.link if connection is not None else ""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; blocks for the moment that takes."""
        self._stopping.set()
        self._end.ring()
        self._thread.join()

    def move(self, url: str) -> None:
        """Look for the server at another URL from now on."""
        self._url = url
        loop, connection = self._loop, self._connection
        if loop is not None and connection is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended; the next one knows
                loop.call_soon_threadsafe(connection.move, url)

    def speak_for(self, beacon: Beacon) -> None:
        """Send the heartbeats of an instance from now on."""
        self._beats.add(beacon)

    def hasten(self, beacon: Beacon) -> None:
        """Send a heartbeat now, for what it tells has changed."""
        self._beats.hasten(beacon)

    async def farewell(self, beacon: Beacon) -> None:
        """Send no more heartbeats of an instance, and take it out of the list.

        Over the connection that the heartbeats take: none can come after it.
        """
        self._beats.discard(beacon)
        loop, connection = self._loop, self._connection
        withdrawn = None
        if loop is not None and connection is not None:
            withdrawing = self._beats.withdraw(beacon, connection)
            try:
                withdrawn = asyncio.run_coroutine_threadsafe(withdrawing, loop)
            except RuntimeError:  # the loop has just ended
                withdrawing.close()
        if withdrawn is None:
            await beacon.withdraw(self._served)
            return
        waiting = asyncio.wrap_future(withdrawn)
        done, _ = await asyncio.wait({waiting}, timeout=_FAREWELL_SECONDS)
        if done:
            waiting.result()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._live())
            except HubbubError as error:
                # Leases then live as long as they are, and work that takes longer starts twice.
                log.error("Leases are not renewed and no heartbeats are sent: %s", error)
                self.began.set()
                self._stopping.wait(_PAUSE_SECONDS)

    async def _live(self) -> None:
        config = self._served.config
        async with (
            open_connection(config, self._url, name=LIFE_NAME) as connection,
            background() as group,
        ):
            tasks = [
                group.create_task(self.leases.renew(connection), name="leases"),
                group.create_task(self._beats.send(connection), name="heartbeats"),
            ]
            self._loop, self._connection = asyncio.get_running_loop(), connection
            self.began.set()
            try:
                with self._end.heard():
                    while not self._stopping.is_set():
                        await self._end.wait(_FAREWELL_SECONDS)
            finally:
                self._loop = self._connection = None
                for task in tasks:
                    task.cancel()


@dataclass(slots=True, eq=False)
class _Beat:
    """When an instance is due, by the monotonic clock, and whether the server knows its card."""

    due: float = 0.0
    registered: bool = False


class _Beats:
    """The heartbeats of the agents that one connection serves."""

    def __init__(self, served: Connection) -> None:
        self._served = served
        self._seconds = served.config.heartbeat_seconds
        self._pulse = _Pulse(asyncio.get_running_loop())
        self._beats: dict[Beacon, _Beat] = {}
        self._lock = threading.Lock()
        self._wake = Wake()
        self._showing = asyncio.Lock()

    # From any thread

    def add(self, beacon: Beacon) -> None:
        with self._lock:
            self._beats[beacon] = _Beat()
        self._wake.ring()

    def discard(self, beacon: Beacon) -> None:
        with self._lock:
            self._beats.pop(beacon, None)

    def hasten(self, beacon: Beacon) -> None:
        with self._lock:
            if beacon in self._beats:
                self._beats[beacon].due = 0.0
        self._wake.ring()

    # In the thread

    async def send(self, connection: Connection) -> None:
        """Send what is due, again and again, until this is cancelled."""
        self._showing = asyncio.Lock()  # one of an earlier loop cannot be waited for here
        self._register_again()
        with connection.on_reconnect(self._register_again), self._wake.heard():
            while True:
                responsive = self._pulse.is_there()
                for beacon, beat in self._due():
                    async with self._showing:
                        await self._show(beacon, beat, connection, responsive=responsive)
                await self._wake.wait(self._pause())

    async def withdraw(self, beacon: Beacon, connection: Connection) -> None:
        """Take an instance out of the list, after any heartbeat of it."""
        async with self._showing:
            await beacon.withdraw(connection)

    def _register_again(self) -> None:
        """We may have been away for longer than the server remembers us."""
        with self._lock:
            for beat in self._beats.values():
                beat.registered, beat.due = False, 0.0
        self._wake.ring()

    def _due(self) -> list[tuple[Beacon, _Beat]]:
        soon = time.monotonic() + self._seconds * _TOGETHER
        with self._lock:
            return [(beacon, beat) for beacon, beat in self._beats.items() if beat.due <= soon]

    def _pause(self) -> float:
        with self._lock:
            due = min((beat.due for beat in self._beats.values()), default=None)
        return self._seconds if due is None else max(0.0, due - time.monotonic())

    async def _show(
        self, beacon: Beacon, beat: _Beat, connection: Connection, *, responsive: bool
    ) -> None:
        if beacon not in self._beats:  # it has left while others were shown
            return
        # Before it is told how things are: a change in the meantime makes it due again.
        beat.due = time.monotonic() + self._seconds
        soon = time.monotonic() + min(self._seconds, _PAUSE_SECONDS)
        # Without its own connection the agent hears nothing, and must not look as if it did.
        if not self._served.client.is_connected or not connection.client.is_connected:
            beat.due = soon
            return
        try:
            if not beat.registered:
                await beacon.register(connection)
                beat.registered = True
            await beacon.beat(connection, responsive=responsive)
        except HubbubError as error:
            log.warning("No heartbeat of %s could be sent: %s", beacon.agent, error)
            beat.due = soon


class _Pulse:
    """Whether an event loop turns, as seen from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked_at: float | None = None

    def is_there(self) -> bool:
        """Tell whether the loop has answered what it was asked before, and ask it again."""
        asked_at = self._asked_at
        if asked_at is None:
            self._asked_at = time.monotonic()
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._answer)
            return True
        return time.monotonic() - asked_at < _TURN_SECONDS

    def _answer(self) -> None:
        self._asked_at = None
