"""A request that is being answered, or waits for a free slot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from hubbub.mesh.transport.deadlines import Deadlines
from hubbub.wire.envelope import AgentMessage

__all__ = ["Answering", "RequestKey", "Stop"]

Stop = Literal["expired", "canceled", "leaving"]
RequestKey = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Answering:
    """A request that is being answered, or waits for a free slot.

    Attributes:
        key: token of the sender, message id, and for a stream where it goes.
        message: what is asked.
        replies: where the answer is waited for.
        streamed: whether it is wanted piece by piece.
        timeout: seconds for which it is waited for, None if nobody knows.
        size: bytes of the message.
        owner: the person that it is asked for; empty if nobody in particular.
        task: what answers it.
        deadlines: stops it when nobody waits any more.
        due: when that is, None if nobody knows.
        started: whether `task` runs; until then it cannot be stopped from outside.
        begun: whether the handler has been started.
        stopped: why it was stopped, empty if it was not.
    """

    deadlines: Deadlines
    key: RequestKey
    message: AgentMessage
    replies: list[str]
    streamed: bool
    timeout: float | None
    size: int = 0
    owner: str = ""
    task: asyncio.Task[None] | None = None
    due: int | None = None
    started: bool = False
    begun: bool = False
    stopped: Stop | Literal[""] = ""

    def stop(self, why: Stop) -> None:
        """Stop it, once."""
        if not self.stopped:
            self.stopped = why
            if self.started and self.task is not None:
                self.task.cancel()

    def wait_for(self, seconds: float | None) -> None:
        """Stop it after some seconds from now, in place of what was said before."""
        if self.due is not None:
            self.deadlines.remove(self.due, self._expire)
        self.due = None if seconds is None else self.deadlines.add(seconds, self._expire)

    def _expire(self) -> None:
        self.stop("expired")
