"""Who in a run waits, and for what: when all of it waits, it can come to rest."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass

from hubbub.mesh.durable.branches import here
from hubbub.wire import clock
from hubbub.wire.events import TaskEvent

__all__ = ["RunEnded", "RunParked", "Waits"]

# Whatever is not on record and takes no longer than this is not cut off by a run that parks.
_SETTLE_SECONDS = 0.02
# For a shorter wait, coming to rest and waking up is not worth it.
_SHORT_SECONDS = 1.0


class RunParked(BaseException):
    """Unwinds a handler whose run comes to rest; it runs again when what it waits for is there.

    A `BaseException`, so that no `except Exception` takes it for a failure. Let it through: the
    verbs raise it again as long as the handler goes on.
    """

    def __init__(self) -> None:
        super().__init__("this run waits, and its handler is put away until it can go on")


class RunEnded(BaseException):
    """Unwinds what a handler has left running when its attempt at the task is over."""

    def __init__(self) -> None:
        super().__init__("this attempt at the task has ended: nothing more is done for it")


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody who waits.

    Attributes:
        key: the call that is waited for.
        until: when the time of the wait comes, in seconds since 1970.
        timer: the call whose time that is.
        settled: gets what settles either of them.
    """

    key: str
    until: float
    timer: str
    settled: asyncio.Future[TaskEvent]


class Waits:
    """The open calls of a run that only somebody else, or time, can settle.

    Attributes:
        is_parked: whether the run is coming to rest.
    """

    def __init__(self) -> None:
        self.is_parked = False
        self._has_ended = False
        self._waiters: list[_Waiter] = []
        self._busy = 0
        self._standing: Counter[object] = Counter()
        self._changes = 0
        self._changed: asyncio.Event | None = None
        self._on_first: Callable[[], None] | None = None
        self._times_at_rest: dict[str, float] | None = None

    def watch(self, on_first: Callable[[], None] | None) -> None:
        """Call a function when somebody waits for the first time; None calls nothing any more."""
        self._on_first = on_first

    @contextlib.contextmanager
    def working(self) -> Generator[None]:
        """Count the caller among those who do something that must not be cut off."""
        self._move(1)
        try:
            yield
        finally:
            self._move(-1)

    def _move(self, by: int) -> None:
        self._busy += by
        self._note_change()

    @contextlib.contextmanager
    def _standing_still(self, steps: Collection[object]) -> Generator[None]:
        """Do not count steps among those who work, however many in each of them wait."""
        for step in steps:
            self._standing[step] += 1
            self._move(-(self._standing[step] == 1))
        try:
            yield
        finally:
            for step in steps:
                self._standing[step] -= 1
                if not self._standing[step]:
                    del self._standing[step]
                    self._move(1)

    def _note_change(self) -> None:
        self._changes += 1
        if self._changed is not None:
            self._changed.set()

    def check(self) -> None:
        """Refuse to go on in a run that is coming to rest, or is over.

        Raises:
            RunParked: it is coming to rest.
            RunEnded: its attempt is over.
        """
        if self.is_parked or self._has_ended:
            _expect_to_end()
            raise RunParked if self.is_parked else RunEnded

    async def wait(
        self,
        key: str,
        *,
        until: float,
        steps: Collection[object] = (),
        timer: str | None = None,
    ) -> TaskEvent | None:
        """Wait for what settles a call; None when its time has come first.

        Args:
            key: the call.
            until: when its time comes, in seconds since 1970.
            steps: the steps around the caller, which stand still meanwhile.
            timer: the call whose time that is, if it is not the same; what settles it is
                returned, too.

        Raises:
            RunParked: the run comes to rest.
        """
        self.check()
        future: asyncio.Future[TaskEvent] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(key, until, timer or key, future)
        self._waiters.append(waiter)
        self._note_change()
        if self._on_first is not None:
            self._on_first()
            self._on_first = None
        try:
            with self._standing_still(steps):
                while True:
                    left = None if until == math.inf else clock.seconds_until(until)
                    await asyncio.wait({future}, timeout=left)
                    if future.done():
                        if self.is_parked:
                            _expect_to_end()
                        return future.result()
                    if until <= clock.seconds():
                        return None
        finally:
            self._waiters.remove(waiter)
            self._note_change()
            if future.done() and not future.cancelled():
                future.exception()  # whoever is canceled in this moment does not look at it

    def settle(self, key: str, event: TaskEvent) -> None:
        """Let everybody who waits for a call go on."""
        for waiter in self._waiters:
            if key in (waiter.key, waiter.timer) and not waiter.settled.done():
                waiter.settled.set_result(event)

    def times(self) -> dict[str, float]:
        """Return the calls whose time will come, and when, in seconds since 1970."""
        if self._times_at_rest is not None:
            return self._times_at_rest
        return {one.timer: one.until for one in self._waiters if one.until < math.inf}

    async def until_at_rest(self) -> None:
        """Return when everybody waits, nobody works, and nothing is due within a second."""
        self._changed = asyncio.Event()
        while True:
            self._changed.clear()
            changes = self._changes
            if not self._waiters or self._busy > 0:
                await self._changed.wait()
                continue
            await asyncio.sleep(_SETTLE_SECONDS)
            if changes != self._changes:
                continue
            soonest = min(self.times().values(), default=math.inf)
            if soonest - clock.seconds() > _SHORT_SECONDS:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SHORT_SECONDS):
                    await self._changed.wait()

    def end(self) -> None:
        """Let nobody go on: the attempt is over, whatever its handler has left running."""
        self._has_ended = True

    def park(self) -> None:
        """Let everybody who waits go, and nobody go on."""
        self._times_at_rest = self.times()
        self.is_parked = True
        for waiter in self._waiters:
            if not waiter.settled.done():
                waiter.settled.set_exception(RunParked())


def _expect_to_end() -> None:
    """Let the asyncio task that unwinds now end without complaint, if nobody looks at its end."""
    task = here()
    if isinstance(task, asyncio.Task):
        task.add_done_callback(_look_at)  # pyright: ignore[reportUnknownMemberType]


def _look_at(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()
