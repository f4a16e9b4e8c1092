"""A number of slots, shared fairly by all who ask for them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

__all__ = ["Slots"]


class Slots:
    """Like a semaphore, but one that is free is taken without a coroutine.

    Those who wait are served in turn: one of each sender, then the next one of each. However many
    one of them has waiting, another waits for one turn only.

    Args:
        number: how many there are.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        # Whoever waits, by sender; the sender whose turn it is comes first.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def take_now(self) -> bool:
        """Take a slot if one is free; tell whether it was."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def take(self, sender: str = "") -> None:
        """Take a slot, and wait for one if none is free.

        Args:
            sender: in whose turn.
        """
        if self.take_now():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sender, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                self.give_back()  # it had been handed to us
            # A cancelled one is passed over when its turn comes.
            raise

    def give_back(self) -> None:
        """Hand a slot to whose turn it is, or let it be free."""
        while self._waiting:
            sender, waiters = self._waiting.popitem(last=False)
            given = _first_served(waiters)
            if waiters:
                self._waiting[sender] = waiters
            if given:
                return
        self._free += 1


def _first_served(waiters: deque[asyncio.Future[None]]) -> bool:
    """Serve the first of those who still wait; tell whether there was one."""
    while waiters:
        waiter = waiters.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return True
    return False
