"""What the code that runs now is working for: a task or a request, known through a variable.

It follows into the tasks and threads that a handler starts, so that whatever they send belongs to
the same conversation, counts one hop more, and gets the same id when the handler runs again.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from hubbub.mesh.durable.branches import here
from hubbub.mesh.durable.run import Run
from hubbub.mesh.limits import Budget
from hubbub.wire.codec import JSON, encode
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.ids import new_id
from hubbub.wire.reruns import derived_id

__all__ = ["Activity", "act_for", "acting", "current_activity"]

Recorder = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None]]
"""Puts something on record; which call it is, is settled when it is called, not when awaited."""


@dataclass(slots=True)
class Activity:
    """The task or request that a handler works on.

    Attributes:
        agent: display name of the agent that works.
        message: what set it to work.
        task_id: the task; None for a request, which has no log.
        origin: sender and id of the message that began a chain of handoffs.
        run: makes durable calls; None for a request.
        owner: the person that it is done for; empty if nobody in particular.
        deadline: when the task must have ended, in seconds since 1970.
        budget: what the task or request may use; None if there are no limits.
        subject: what the handler was given, for `hubbub.current_task`.
    """

    agent: str
    message: AgentMessage
    task_id: str | None
    origin: tuple[str, str] | None = None
    run: Run | None = None
    owner: str = ""
    deadline: float = math.inf
    budget: Budget | None = None
    subject: object = None
    _sent: Counter[str] | None = None

    def next_message_id(self, verb: str, to_agent: str, said: JSON) -> str:
        """Return the id of the next message that this activity sends.

        Within a task it is derived from the task and from which message it is, so that a handler
        that runs again after a crash sends nothing twice. What is sent beside the handler's own
        asyncio task, in no certain order, is told apart by what it says.

        Args:
            verb: what it is.
            to_agent: who it is for.
            said: its content and metadata.
        """
        if self.task_id is None:
            return new_id()
        step = f"{verb}.{to_agent}"
        run = self.run
        if run is None:
            if self._sent is None:
                self._sent = Counter()
            self._sent[step] += 1
            return derived_id(self.agent, self.task_id, f"{step}\n{self._sent[step]}")
        branch, record = run.branch, run.recording
        key = branch.mark(step, content=b"" if branch.owner is here() else encode(said)).key

        def is_known(one: str) -> bool:
            return f"sent:{one}" in record.marks or f"sent:{one}" in record.settled

        return run.lineage.message_id(key, is_known)


_current: ContextVar[Activity | None] = ContextVar("hubbub_activity", default=None)


def current_activity() -> Activity | None:
    """Return what the calling code works for, None outside of handlers."""
    return _current.get()


def act_for(activity: Activity) -> None:
    """Make the calling asyncio task, to its end, act for an activity."""
    _current.set(activity)


@contextlib.contextmanager
def acting(activity: Activity) -> Generator[None]:
    """Make everything inside act for an activity."""
    token = _current.set(activity)
    try:
        yield
    finally:
        _current.reset(token)
