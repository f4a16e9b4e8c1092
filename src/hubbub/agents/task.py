"""A task, as the handler that works on it sees it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from hubbub.agents.asking import Asking
from hubbub.agents.blocking_task import BlockingTask
from hubbub.agents.saying import Saying
from hubbub.agents.steps import Steps
from hubbub.mesh.activity import Activity, Recorder, current_activity
from hubbub.mesh.composing import Line
from hubbub.mesh.durable.run import Run
from hubbub.mesh.limits import Limits
from hubbub.mesh.service import Shower
from hubbub.mesh.speaker import Speaker
from hubbub.wire.envelope import AgentMessage

__all__ = ["Task", "current_task"]


async def _unrecorded(kind: str, data: dict[str, Any]) -> None:
    """A request has no log."""


async def _unseen(text: str, *, key: str = "", offset: int = 0) -> None:
    """Nobody watches a request being answered."""


class Task(Steps, Asking, Saying, Speaker):
    """One piece of work. It talks like an agent, for the conversation it belongs to.

    What it does through `step`, `sleep`, `now`, the questions and the verbs is on record: when a
    process dies, or the task rests until a person has answered, its handler is called again from
    the top, and gets what is on record instead of doing it again. A request that is being
    answered is a task, too, but what it records is kept nowhere.

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
        run: Run | None = None,
        record: Recorder = _unrecorded,
        show: Shower = _unseen,
        canceled: asyncio.Event | None = None,
        deadline: float = math.inf,
        streamed: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        self.id = task_id
        self.message = message
        self.attempt = attempt
        self._run = run
        self.agent = line.sender
        self.streamed = streamed
        self.timeout_seconds = timeout_seconds
        self._loop = line.connection.loop
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
    def blocking(self) -> BlockingTask:
        """The same for sync handlers, which run in threads."""
        return BlockingTask(self, self._loop)

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

    async def run_team(
        self,
        team: object,
        topic: str,
        *,
        tools: Sequence[object] = (),
        limits: Limits | None = None,
    ) -> Any:
        """Let a team work on a topic, and return its answer.

        What its members say and do is in the task's log, what they ask is asked by the task, and
        when the handler runs again their models are not asked anew.

        Args:
            team: a runtime, or an agent or a team of AutoGen, AG2 or Pydantic AI.
            topic: what it is to work on.
            tools: typed functions that it may call, too.
            limits: what it may use; those of its runtime unless given.

        Raises:
            TypeError: it is nothing that can work.
            LimitReached: it used up what it may use.
            ModelError: its model failed.
        """
        # Runtimes are a layer above this one, and most tasks need none.
        at_work: Any = import_module("hubbub.runtimes.at_work")
        return await at_work.run_team(self, team, topic, tools=tools, limits=limits)


def current_task() -> Task | None:
    """Return the task or request that the calling code works on, None outside of handlers."""
    activity = current_activity()
    return activity.subject if activity and isinstance(activity.subject, Task) else None
