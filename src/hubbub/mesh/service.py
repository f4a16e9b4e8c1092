"""What the mesh asks of an agent that it serves, and what it gives to it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from hubbub.mesh.activity import Recorder
from hubbub.mesh.durable.run import Run
from hubbub.mesh.limits import Limits
from hubbub.mesh.rates import RateLimits
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage

__all__ = ["Listener", "Request", "Service", "Shower", "Work"]


class Shower(Protocol):
    """Shows a piece of a text that is being written; nothing of it is stored."""

    async def __call__(self, text: str, *, key: str = "", offset: int = 0) -> None:
        """Show it.

        Args:
            text: the piece.
            key: which text it belongs to; empty for the task's answer.
            offset: how many characters of that come before it.
        """
        ...


Listener = Callable[[AgentMessage], Awaitable[None]]


@dataclass(slots=True)
class Work:
    """A task, as given to the agent that is to do it.

    Attributes:
        message: what opened it.
        task_id: its id.
        attempt: 1 for the first.
        run: makes durable calls, with what earlier attempts have put on record.
        record: writes an event into its log.
        show: shows text while it is being made; nothing of it is stored.
        version: which version of the service it began with.
        deadline: when it must have ended, in seconds since 1970; infinite if it may take its time.
        canceled: set when it shall end: somebody asked for that, or its deadline has passed.
    """

    message: AgentMessage
    task_id: str
    attempt: int
    run: Run
    record: Recorder
    show: Shower
    version: str = ""
    deadline: float = math.inf
    canceled: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Request:
    """A request, as given to the agent that is to answer it.

    Attributes:
        message: what is asked.
        streamed: whether the requester wants the answer piece by piece.
        timeout_seconds: how long the requester waits for it, if that is known.
    """

    message: AgentMessage
    streamed: bool
    timeout_seconds: float | None = None


class Service(Protocol):
    """An agent, seen from the mesh."""

    @property
    def card(self) -> AgentCard:
        """Who it is."""
        ...

    @property
    def concurrency(self) -> int:
        """How many tasks one instance works on at the same time."""
        ...

    @property
    def request_concurrency(self) -> int:
        """How many requests one instance answers at the same time."""
        ...

    @property
    def rates(self) -> RateLimits:
        """How often one instance may be set to work; senders share it by tasks and requests."""
        ...

    @property
    def limits(self) -> Limits | None:
        """What each of its tasks and requests may use; None for no limits."""
        ...

    @property
    def lease_seconds(self) -> float | None:
        """Its lease, if it is not the mesh's."""
        ...

    @property
    def versions(self) -> Sequence[str] | None:
        """Which versions of its tasks it can go on with, the one for new tasks first.

        None if it takes them all.
        """
        ...

    @property
    def message_listener(self) -> Listener | None:
        """Who hears responses and completions."""
        ...

    @property
    def broadcast_listener(self) -> Listener | None:
        """Who hears broadcasts."""
        ...

    def spoken_over(self, mesh: Any) -> AbstractAsyncContextManager[None]:
        """Let the agent speak over a mesh while the context lasts."""
        ...

    async def work(self, work: Work) -> JSON:
        """Do a task and return its result."""
        ...

    async def answer(self, request: Request) -> JSON | AsyncIterator[str]:
        """Answer a request, at once or piece by piece."""
        ...
