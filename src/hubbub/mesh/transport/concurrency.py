"""Small pieces of structured concurrency that asyncio leaves to us."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable
from typing import Any

__all__ = ["Bell", "Rounds", "Wake", "all_of", "background", "first_of"]


async def all_of(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at the same time and wait for them; the first error cancels the others.

    Unlike a bare task group it raises that error itself, so that callers can name it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def first_of(event: Coroutine[Any, Any, Any], task: asyncio.Task[None]) -> None:
    """Wait for something that a task makes happen, or for the end of the task.

    Raises:
        BaseException: what the task ended with, if that came first.
    """
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if task.done():
        await task


class Rounds:
    """Work that many wait for: one round of it serves all who came before it began."""

    def __init__(self) -> None:
        self._begun = 0
        self._ended = 0
        self._failure: Exception | None = None
        self._working = asyncio.Lock()

    async def join(self, work: Callable[[], Awaitable[None]]) -> None:
        """Return when a round has ended that began after this call.

        Raises:
            Exception: what the work raised, to all whom that round was for.
        """
        mine = self._begun
        async with self._working:
            if self._ended <= mine:
                self._begun += 1
                try:
                    await work()
                    self._failure = None
                except Exception as error:  # noqa: BLE001 - whoever waits for the round gets it
                    self._failure = error
                self._ended = self._begun
            if self._failure is not None:
                raise self._failure


class Bell:
    """Wakes one waiter a ring; a ring that nobody hears is kept, one at the most.

    Attributes:
        closed: nobody waits any more; see `close`.
    """

    def __init__(self) -> None:
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._rung = False
        self.closed = False

    def close(self) -> None:
        """Wake all waiters, now and in future."""
        self.closed = True
        while self._waiters:
            self.ring()

    def ring(self) -> None:
        """Wake the waiter that has waited longest, or else the next one to come."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._rung = True

    async def wait(self) -> None:
        """Return at the next ring, at once if there was one since the last wait."""
        if self._rung or self.closed:
            self._rung = False
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.ring()  # this ring was for somebody who can still hear it
            raise


class Wake:
    """Wakes one sleeper in one event loop, from any thread."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def heard(self) -> Generator[None]:
        """Hear the rings in the running loop while the context lasts; others are lost."""
        self._rung = asyncio.Event()  # it belongs to the first loop that waits for it
        self._loop = asyncio.get_running_loop()
        try:
            yield
        finally:
            self._loop = None

    def ring(self) -> None:
        """Wake the sleeper, or let it not fall asleep the next time."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> None:
        """Sleep until the next ring, and no longer than some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()


@contextlib.asynccontextmanager
async def background() -> AsyncGenerator[asyncio.TaskGroup]:
    """Open a task group whose first error comes out as itself, not wrapped in a group.

    The block must end the tasks it started before it ends itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
