"""Many deadlines on one timer, for what nearly always ends before its time.

To start and to cancel a timer of the event loop costs as much as to decode a whole message.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

__all__ = ["Deadlines"]

_TICKS_A_SECOND = 100
_LONGEST_SECONDS = 1e9


class Deadlines:
    """Calls functions some time after they were given to it, unless they are taken back.

    They are called up to a hundredth of a second too late, never too early.

    Attributes:
        loop: the event loop that they are called in.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # What is due at each tick, and the ticks as a heap. Those from which everything was taken
        # back stay until the timer passes over them.
        self._due: dict[int, dict[Callable[[], None], None]] = {}
        self._ticks: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, seconds: float, function: Callable[[], None]) -> int:
        """Have a function called in some seconds, however many; it must not raise anything.

        Returns:
            The tick at which it is due, for `remove`.
        """
        tick = int((self.loop.time() + min(seconds, _LONGEST_SECONDS)) * _TICKS_A_SECOND) + 1
        due = self._due.get(tick)
        if due is None:
            due = self._due[tick] = {}
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._set_timer()
        due[function] = None
        return tick

    def remove(self, tick: int, function: Callable[[], None]) -> None:
        """Take a function back; that it has been called already is no error."""
        due = self._due.get(tick)
        if due is not None:
            due.pop(function, None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._ticks[0] / _TICKS_A_SECOND, self._on_timer)

    def _on_timer(self) -> None:
        now = self.loop.time() * _TICKS_A_SECOND
        while self._ticks:
            due = self._due[self._ticks[0]]
            if due and self._ticks[0] > now:
                self._set_timer()
                return
            while due:
                due.popitem()[0]()
            del self._due[heapq.heappop(self._ticks)]
        self._timer = None
