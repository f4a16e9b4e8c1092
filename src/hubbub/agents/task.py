"""A task, as the handler that works on it sees it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from hubbub.agents.blocking import BlockingVerbs
from hubbub.mesh.activity import Activity, Recorder, current_activity
from hubbub.mesh.speaker import Line, Speaker
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage

__all__ = ["Task", "current_task"]


async def _unrecorded(kind: str, data: dict[str, Any]) -> None:
    """A request has no log."""


async def _unseen(text: str) -> None:
    """Nobody watches a request being answered."""


class Task(Speaker):
    """One piece of work. It talks like an agent, for the conversation it belongs to.

    A request that is being answered is one, too; what it records is kept nowhere.

    Attributes:
        id: the task's id.
        message: what opened it.
        attempt: 1 for the first.
        agent: display name of the agent that works on it.
        streamed: whether it is a request whose answer is wanted piece by piece.
        timeout_seconds: for a request, how long the requester waits, if that is known.
    """

    def __init__(
        self,
        line: Line,
        message: AgentMessage,
        task_id: str,
        *,
        attempt: int = 1,
        record: Recorder = _unrecorded,
        show: Callable[[str], Awaitable[None]] = _unseen,
        canceled: asyncio.Event | None = None,
        deadline: float = math.inf,
        streamed: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        self.id = task_id
        self.message = message
        self.attempt = attempt
        self.agent = line.sender
        self.streamed = streamed
        self.timeout_seconds = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._over = line
        self._record = record
        self._show = show
        self._canceled = canceled
        self._deadline = deadline
        # Also where the context does not reach, such as a thread that the handler starts.
        self._acts_for = current_activity()

    def _line(self) -> Line:
        return self._over

    def _activity(self) -> Activity | None:
        return self._acts_for

    def __repr__(self) -> str:
        return f"Task(id={self.id!r}, agent={self.agent!r}, attempt={self.attempt})"

    @property
    def blocking(self) -> BlockingVerbs:
        """The verbs for sync handlers, which run in threads."""
        return BlockingVerbs(self, self._loop)

    @property
    def content(self) -> str:
        """What is to be done, as text; `message.content` has it as it was sent."""
        return self.message.text

    @property
    def metadata(self) -> dict[str, Any]:
        """What was sent along with it."""
        return self.message.metadata

    @property
    def context_id(self) -> str:
        """The conversation it belongs to."""
        return self.message.conversation

    @property
    def cancelled(self) -> bool:
        """Whether it shall end; for sync handlers, which cannot be stopped."""
        return self._canceled is not None and self._canceled.is_set()

    @property
    def deadline(self) -> datetime | None:
        """When it must have ended, in UTC; None if it may take its time."""
        if self._deadline == math.inf:
            return None
        return datetime.fromtimestamp(self._deadline, UTC)

    async def say(self, text: str) -> None:
        """Say something to whoever follows the task; it is kept in its log."""
        await self._record("said", {"text": text})

    async def show(self, text: str) -> None:
        """Show a piece of text while it is being made; nothing of it is kept."""
        await self._show(text)

    async def progress(self, text: str, fraction: float | None = None) -> None:
        """Tell how far the work is.

        Args:
            text: what is being done.
            fraction: how much is done, from 0 to 1, if known.
        """
        await self._record("progress", {"text": text, "fraction": fraction})

    async def tool_call(self, name: str, arguments: JSON, *, call_id: str = "") -> None:
        """Put on record that a tool is called."""
        await self._record("tool_call", {"name": name, "arguments": arguments, "id": call_id})

    async def tool_result(self, name: str, result: JSON, *, call_id: str = "") -> None:
        """Put on record what a tool returned."""
        await self._record("tool_result", {"name": name, "result": result, "id": call_id})

    async def record(self, kind: str, data: dict[str, Any]) -> None:
        """Put anything else on record.

        Args:
            kind: what happened, a word of your own.
            data: the facts, JSON.
        """
        await self._record(kind, data)


def current_task() -> Task | None:
    """Return the task or request that the calling code works on, None outside of handlers."""
    activity = current_activity()
    return activity.subject if activity and isinstance(activity.subject, Task) else None
