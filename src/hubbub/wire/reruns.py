"""A task run again from a place in its log: which of its record goes along, and which is done anew.

The new task's log begins with copies of what it takes over, and an event that says whose they are.
Messages that are on record keep their ids, and so do steps that the source was cut off in, or
failed of: whoever has seen their key knows them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.wire.events import TaskEvent
from hubbub.wire.inputs import is_child_call
from hubbub.wire.recording import TAKEN_OVER, Recording

__all__ = ["RERUN", "Lineage", "Rerun", "TakeOver", "derived_id", "plan_take_over", "rerun_of"]

RERUN = "hubbub.rerun"
"""In the metadata of a message: the task whose record the new one takes over."""


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """What a task is asked to take over.

    Attributes:
        task_id: from which task.
        after: up to and including which sequence of its log; 0 for nothing.
        forgets: calls whose outcome is not taken over, for that task has failed of it.
        version: the version of the workflow that it began with.
    """

    task_id: str
    after: int
    forgets: list[str] = msgspec.field(default_factory=list[str])
    version: str = ""


def rerun_of(metadata: Mapping[str, Any]) -> Rerun | None:
    """Return what a message's task is to take over, None if nothing.

    Raises:
        InvalidMessage: the metadata says something else there.
    """
    if RERUN not in metadata:
        return None
    try:
        return msgspec.convert(metadata[RERUN], Rerun)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"its metadata {RERUN!r} names no place in a log: {error}") from None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tasks whose record a run goes on with, and its own: what ids are derived from.

    Attributes:
        agent: display name of the agent.
        tasks: ids, the oldest first, the run's own last.
        redone: keys under which a step was done that is now done anew.
        fresh: how many of the tasks give no keys, for they may still use them themselves.
    """

    agent: str
    tasks: tuple[str, ...]
    redone: Collection[str] = frozenset()
    fresh: int = 0

    def step_key(self, call: str) -> str:
        """Return the idempotency key of a step: that of its source, unless that has done it.

        Args:
            call: the key of its call.
        """
        keys = [derived_id(self.agent, task_id, call) for task_id in self.tasks[self.fresh :]]
        return next((key for key in keys if key not in self.redone), keys[-1])

    def message_id(self, call: str, is_known: Callable[[str], bool]) -> str:
        """Return the id of a message: the one that is on record, or else one of its own.

        Args:
            call: the key of the call that sends it.
            is_known: tells whether an id is on record.
        """
        for task_id in self.tasks[:-1]:
            if is_known(one := derived_id(self.agent, task_id, call)):
                return one
        return derived_id(self.agent, self.tasks[-1], call)


def derived_id(agent: str, task_id: str, call: str) -> str:
    """Return the id that a call of a task has for others, the same whenever it is made."""
    seed = f"{agent}\n{task_id}\n{call}"
    return hashlib.blake2b(seed.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What a run takes over from another one.

    Attributes:
        events: the events to copy; the same however often they are asked for.
        sent: ids of the messages among them of which the source knew that they were stored.
        ids: what ids on record are derived from, and which keys are not to be used again.
        unsteered: which calls for notes brought none; see `Recording`.
    """

    events: list[TaskEvent]
    sent: frozenset[str]
    ids: Lineage
    unsteered: dict[str, int]


def plan_take_over(agent: str, rerun: Rerun, events: Sequence[tuple[int, TaskEvent]]) -> TakeOver:
    """Return what a run takes over from a task.

    Args:
        agent: display name of the agent.
        rerun: which task, and how much of it.
        events: the log of that task, which may have grown since.
    """
    whole = Recording(event for _, event in events)
    # Behind the last call of a task that has ended, nothing depends on what it was not told.
    begun = [one for one in events if one[0] <= rerun.after and not one[1].is_final]
    kept = Recording(event for _, event in begun)
    kept.forget(rerun.forgets)
    for sequence, event in events:
        if event.kind == "sent" and sequence <= rerun.after:
            # Also what was refused, or whose confirmation got lost: it is put once more, as itself.
            kept.marks.setdefault(str(event.data.get("key")), event)
    for key in filter(is_child_call, rerun.forgets):  # that task is opened anew
        kept.marks.pop(f"sent:{key.rpartition('.')[2]}", None)
    copied = [
        event for sequence, event in events if sequence <= rerun.after and _is_kept(event, kept)
    ]
    tasks = (*whole.lineage, rerun.task_id)
    ids = Lineage(agent, tasks, whole.redone, whole.fresh)
    redone = whole.redone.union(
        ids.step_key(str(event.data.get("key")))
        for sequence, event in events
        if sequence > rerun.after and event.kind == "step" and not event.data.get("error")
    )
    fresh = whole.fresh if events[-1][1].is_final else len(tasks)
    lineage = Lineage(agent, tasks, redone, fresh)
    return TakeOver(copied, frozenset(whole.sent), lineage, kept.unsteered)


def _is_kept(event: TaskEvent, kept: Recording) -> bool:
    """Tell whether an event is what the record has of its call in the end."""
    key = event.data.get("key")
    if not isinstance(key, str) or event.kind == TAKEN_OVER:
        return False
    if event.kind == "asked" and key not in kept.settled:
        return False  # nobody has answered: the new task asks by itself
    return any(event is there.get(key) for there in (kept.settled, kept.opened, kept.marks))
