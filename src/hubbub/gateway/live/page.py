"""One live page: which slices it has, and the frames that wait to be sent to it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Generator

from hubbub.gateway.identity.principals import Principal

__all__ = ["Page"]

_MOST_FRAMES = 64
_MOST_BYTES = 8 << 20
_MOST_ANSWERS = 32


class Page:
    """A bounded queue of frames: a slow page loses the oldest, and is told so.

    Args:
        who: whose page it is.

    Attributes:
        who: whose page it is.
        id: tells it from all other pages.
        slices: what it has subscribed to.
        looks: the questions that it looks at, by task and id, with the agent of the task.
        seq: the place behind the last frame that was put; None before the first subscription.
        missed: whether something was left out since the last frame it got.
    """

    def __init__(self, who: Principal) -> None:
        self.who = who
        self.id = secrets.token_hex(8)
        self.looks: dict[tuple[str, str], str] = {}
        self.slices: frozenset[str] = frozenset()
        self.seq: str | None = None
        self.missed = False
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._urgent: deque[bytes] = deque()
        self._holds = 0
        self._ended = False
        self._news = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Add a frame, in the place of the oldest if there are too many."""
        self._frames.append(data)
        self._size += len(data)
        while len(self._frames) > _MOST_FRAMES or (
            self._size > _MOST_BYTES and len(self._frames) > 1
        ):
            self._size -= len(self._frames.popleft())
            self.missed = True
        self._news.set()

    def put_first(self, data: bytes) -> None:
        """Add what is sent before all that waits: an answer to the page, or its past."""
        self._urgent.append(data)
        self._news.set()

    async def room(self) -> None:
        """Wait until the page has taken most of its answers: who does not read may not ask."""
        while len(self._urgent) >= _MOST_ANSWERS:
            self._taken.clear()
            await self._taken.wait()

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Send no frame of the present while the context lasts."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._news.set()

    def end(self) -> None:
        """Let it end once all has been sent."""
        self._ended = True
        self._news.set()

    async def next(self) -> bytes | None:
        """Return what to send next; None at the end."""
        while True:
            self._news.clear()
            if self._urgent:
                self._taken.set()
                return self._urgent.popleft()
            if self._frames and not self._holds:
                data = self._frames.popleft()
                self._size -= len(data)
                if self.missed:
                    self.missed = False
                    return b'{"gap":true,%s' % data[1:]
                return data
            if self._ended:
                return None
            await self._news.wait()
