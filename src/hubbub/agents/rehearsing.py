"""A recorded task, run against the code that is here, without side effects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hubbub.agents.task import Task
from hubbub.errors import InvalidMessage, StepMismatch, TaskNotFound
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.composing import Line
from hubbub.mesh.durable.rehearsal import Rehearsal
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.tasks.verdict import described
from hubbub.wire.codec import JSON, check_json, encode
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskSnapshot, TaskState, fold
from hubbub.wire.names import agent_token
from hubbub.wire.recording import Recording
from hubbub.wire.replays import ReplayReport

__all__ = ["rehearse"]

Work = Callable[[Task], Awaitable[Any]]

_UNWIND_SECONDS = 1.0


async def rehearse(line: Line, task_id: str, work: Work, *, version: str) -> ReplayReport:
    """Run a handler over the record of a task, and tell where it departs from it.

    Nothing is written, sent or asked: the handler is stopped at the first call that is not on
    record. What it does outside of durable calls it does, however.

    Args:
        line: what the agent speaks over.
        task_id: the task.
        work: calls the handler.
        version: which version of the code that is.

    Raises:
        TaskNotFound: the agent has no such task, or nobody has begun with it.
        ConnectionLost: the server does not answer.
    """
    token = agent_token(line.sender)
    events = [event for _, event in await read_log(line.connection, token, task_id)]
    before = fold(events)
    if not before.message:
        raise TaskNotFound(task_id, "nobody has begun with it")
    run = Rehearsal(line.sender, task_id, Recording(events))
    message = AgentMessage.from_bytes(encode(before.message))
    activity = Activity(line.sender, message, task_id, run=run)
    with acting(activity):  # or else the task would act for the request that asks for the replay
        attempt = max(before.attempts, 1)
        task = Task(line, message, task_id, attempt=attempt, run=run, record=run.mark)
    activity.subject = task
    result, error = await _played(activity, task, work)
    _compare_ends(run, before, result, error)
    return _report(run, line.sender, version)


async def _played(activity: Activity, task: Task, work: Work) -> tuple[Any, BaseException | None]:
    """Return what the handler returned or raised."""

    async def play() -> Any:
        return await work(task)

    with acting(activity):
        handler = asyncio.create_task(play(), name=f"replay of task {task.id}")
    try:
        while not handler.done():
            await asyncio.wait({handler}, timeout=_UNWIND_SECONDS)
            if task.run.waits.is_parked:
                handler.cancel()  # it waits for something that is not on record
    finally:
        handler.cancel()
    if handler.cancelled():
        return None, None
    error = handler.exception()
    return (None, error) if error is not None else (handler.result(), None)


def _compare_ends(
    run: Rehearsal, before: TaskSnapshot, result: Any, error: BaseException | None
) -> None:
    """Note it if the handler ended otherwise than it did, or went on where it had ended."""
    if isinstance(error, StepMismatch):
        run.depart(error.recorded, error.recorded, error.found)
        return
    ended = before.state in (TaskState.COMPLETED, TaskState.FAILED, TaskState.REJECTED)
    if run.waits.is_parked:
        if ended:
            run.depart(run.beyond, f"the task {before.state}", f"the code has {run.beyond}")
        return
    if error is None:
        try:
            run.check_complete()
        except StepMismatch as mismatch:
            run.depart(mismatch.recorded, mismatch.recorded, "the code ends here")
            return
    found: Any = described(error) if error is not None else result
    if not ended:
        if error is None:
            run.depart("", f"the task is {before.state}", {"completed": found})
    elif (before.state is TaskState.COMPLETED, _end(before)) != (error is None, found):
        run.depart("", _end(before), found)


def _end(before: TaskSnapshot) -> JSON:
    return before.result if before.state is TaskState.COMPLETED else before.error


def _report(run: Rehearsal, agent: str, version: str) -> ReplayReport:
    departure = run.departure
    if departure is not None:
        place = f"at {departure.key}" if departure.key else "at its end"
        message = f"the code departs from the record {place}"
    elif run.waits.is_parked:
        message = f"the code fits the record, which ends before {run.beyond or 'an answer'}"
    else:
        message = "the code fits the whole record"
    if run.reworded:
        message += f"; it says something else at {', '.join(run.reworded)}"
    return ReplayReport(
        task_id=run.task_id,
        agent=agent,
        fits=departure is None,
        departs_at=departure.key if departure else "",
        recorded=_plain(departure.recorded) if departure else None,
        found=_plain(departure.found) if departure else None,
        steps=run.given,
        version=version,
        message=message,
    )


def _plain(value: Any) -> JSON:
    """Return a value as JSON, or else what it looks like."""
    try:
        check_json(value, what="it")
    except InvalidMessage:
        return repr(value)
    return value
