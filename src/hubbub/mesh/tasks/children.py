"""Waiting, within a task, for the end of one that it has opened; the task may rest meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import math

from hubbub.errors import RequestTimeout
from hubbub.mesh.durable.branches import Call
from hubbub.mesh.durable.run import Run
from hubbub.mesh.tasks.log import follow_log
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import TASKS
from hubbub.wire import clock
from hubbub.wire.events import TaskEvent
from hubbub.wire.inputs import child_call

__all__ = ["child_end"]


async def child_end(
    connection: Connection, run: Run, agent: str, task_id: str, timeout: float | None
) -> TaskEvent | None:
    """Return the final event of a task that a run has opened; None if it has not opened it.

    Args:
        connection: the mesh.
        run: who waits.
        agent: token of the agent the other task belongs to.
        task_id: that task.
        timeout: seconds to wait; None waits for as long as it takes.

    Raises:
        RequestTimeout: it did not end in time; it goes on all the same.
        ConnectionLost: the server does not answer.
    """
    run.waits.check()
    if not run.rests_for_others or f"sent:{task_id}" not in run.recording.marks:
        return None
    recording = run.recording
    call = Call(child_call(agent, task_id), "")
    wait = run.branch.mark(f"await:{agent}.{task_id}") if timeout is not None else None
    subject = connection.layout.log(agent, task_id)
    until = math.inf
    if wait is not None and timeout is not None:
        ended = recording.settled.get(wait.key)
        if ended is not None and ended.kind == "woken":
            raise RequestTimeout(agent, subject, timeout)
        opened = recording.opened.get(wait.key)
        if opened is not None:
            until = clock.read_iso(str(opened.data.get("until")))
    settled = recording.settled.get(call.key)
    if settled is None:
        last = await connection.last_of(TASKS, subject)
        if last is not None and (end := TaskEvent.from_bytes(last.data)).is_final:
            if not run.is_rehearsed:
                await _settle(run, call, end)
                await _forget_time(run, wait, end.kind)
            return end
        if wait is not None and timeout is not None and until == math.inf:
            until = clock.seconds() + timeout
            await run.put("sleeping", wait, {"until": clock.iso(until)})
        if task_id in recording.adopted:
            # It was opened by the task that this one runs again, and tells that one of its end.
            settled = await _followed(connection, run, call, until)
        else:
            settled = await run.wait(call, until=until, timer=wait)
        if settled is None and wait is not None:
            settled = await run.settle("woken", wait, {})
    if settled is None or settled.kind == "woken":
        raise RequestTimeout(agent, subject, timeout or 0.0)
    await _forget_time(run, wait, settled.data.get("state"))
    if not settled.data.get("whole", True):
        last = await connection.last_of(TASKS, subject)
        return TaskEvent.from_bytes(last.data) if last is not None else None
    facts = {name: settled.data.get(name) for name in ("result", "error")}
    return TaskEvent(kind=str(settled.data.get("state")), data=facts)


async def _forget_time(run: Run, wait: Call | None, state: object) -> None:
    """Let the time of a wait pass that is over: it must not be taken for what came first."""
    if wait is not None and wait.key in run.recording.opened:
        await run.settle("child", wait, {"state": state})


async def _settle(run: Run, call: Call, end: TaskEvent) -> TaskEvent:
    """Put the end of a task on record: its own log is not kept for ever."""
    facts = {"state": end.kind, **end.data}
    return await run.settle("child", call, {k: facts.get(k) for k in ("state", "result", "error")})


async def _followed(connection: Connection, run: Run, call: Call, until: float) -> TaskEvent | None:
    """Wait for the end of a task that tells somebody else of it; None when a time comes first."""
    agent, _, task_id = call.key.removeprefix("child:").rpartition(".")
    run.begin(call)
    with run.waits.working():
        try:
            async with asyncio.timeout(None if until == math.inf else clock.seconds_until(until)):
                async with contextlib.aclosing(follow_log(connection, agent, task_id)) as events:
                    async for _, event in events:
                        if event.is_final:
                            return await _settle(run, call, event)
        except TimeoutError:
            return None
    return None
