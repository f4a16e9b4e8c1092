"""One request under way, as the requester sees it: what was asked, and what has come back."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from hubbub.mesh.transport.deadlines import Deadlines

__all__ = ["Call"]

# To call `deque[Msg]` takes ten times as long.
_nothing_yet: Callable[[], deque[Msg]] = deque


@dataclass(slots=True, eq=False)
class Call:
    """A request and its answers, in the order in which they came.

    Attributes:
        deadlines: wakes whoever waits for an answer in vain.
        to_agent: display name of the agent that is asked.
        agent: its token.
        sender: token of who asks.
        message_id: the request's id.
        data: the request.
        streamed: whether the answer is wanted piece by piece.
        subject: where the request goes.
        reply: where the answers come.
        number: the call's own number, the last token of `reply`.
        timeout: seconds to wait for the first answer once somebody is there.
        answer_by: when that time is over, by the loop's clock.
        wait_until: until when to wait for somebody to be there, by the loop's clock.
        owner: the person that it is asked for; empty if nobody in particular.
        sent: whether the request has been published.
        repeated: whether it is one that may have come before.
        reconnected: set when the connection was lost and is back.
        arrived: answers that nobody has taken yet.
    """

    deadlines: Deadlines
    to_agent: str
    agent: str
    sender: str
    message_id: str
    data: bytes
    streamed: bool
    subject: str
    reply: str
    number: str
    timeout: float
    answer_by: float = math.inf
    wait_until: float = 0.0
    owner: str = ""
    sent: bool = False
    repeated: bool = False
    reconnected: bool = False
    arrived: deque[Msg] = field(default_factory=_nothing_yet)
    _waiter: asyncio.Future[None] | None = None

    def put(self, message: Msg) -> None:
        """Take in an answer."""
        self.arrived.append(message)
        self._wake()

    def back(self) -> None:
        """Tell whoever waits that the connection was lost and is back."""
        self.reconnected = True
        self._wake()

    async def next(self, seconds: float) -> Msg | None:
        """Wait for the next answer; may be canceled without losing one.

        Args:
            seconds: how long to wait at the most.

        Returns:
            The answer; None if there is none in time, or the connection was lost meanwhile.
        """
        if not self.arrived and not self.reconnected and seconds > 0:
            self._waiter = self.deadlines.loop.create_future()
            tick = self.deadlines.add(seconds, self._wake)
            try:
                await self._waiter
            finally:
                self.deadlines.remove(tick, self._wake)
                self._waiter = None
        return self.arrived.popleft() if self.arrived else None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
