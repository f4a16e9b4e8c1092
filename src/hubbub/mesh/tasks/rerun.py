"""A task run again: a new one that takes over what another has on record (DESIGN 5.12)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from hubbub.errors import InvalidMessage, RerunRefused
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.tasks.job import Job, opener_on_record
from hubbub.mesh.tasks.log import LoggedEvent, read_log
from hubbub.mesh.tasks.outbox import put_in_inbox
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import ORIGIN, OWNER, RETRY_OF
from hubbub.mesh.transport.streams import TASKS
from hubbub.wire.card import AgentCard
from hubbub.wire.events import TaskState, fold
from hubbub.wire.ids import new_id
from hubbub.wire.names import agent_token
from hubbub.wire.recording import TAKEN_OVER, UNSTEERED
from hubbub.wire.reruns import RERUN, Rerun, TakeOver, plan_take_over, rerun_of

__all__ = ["first_version", "run_again", "take_over"]

_KEPT = (ORIGIN, OWNER)


async def run_again(
    connection: Connection, name: str, task: TaskSummary, after: int | None
) -> TaskHandle:
    """Open a task that goes on with the record of another one.

    Args:
        connection: the mesh.
        name: who asks for it.
        task: the other one.
        after: up to and including which sequence of its log; 0 for nothing, None for all.

    Raises:
        RerunRefused: its log has no such place.
        InboxFull: too many messages wait there.
        ConnectionLost: the server does not answer.
    """
    token = agent_token(task.agent)
    events = await read_log(connection, token, task.id)
    source = fold(event for _, event in events)
    if not source.message or not source.subject:
        reason = "nobody has begun with it, so there is nothing to go on with"
        raise RerunRefused(task.id, after, reason)
    last = events[-1][0]
    if after is not None and after != 0 and after not in {sequence for sequence, _ in events}:
        reason = (
            f"its log has no event {after}, the last is {last}; `hubbub tasks show {task.id} "
            "--log` shows them all"
        )
        raise RerunRefused(task.id, after, reason)
    forgets = events[-1][1].data.get("forgets") if source.state.is_final else None
    rerun = Rerun(
        task_id=task.id,
        after=last if after is None else after,
        forgets=[str(key) for key in forgets or ()],
        version=source.version,
    )
    opener, message = opener_on_record(source)
    message = message.replace(
        # In the secured layout, nobody can write in another's name.
        from_agent=name if connection.layout.secured else message.from_agent,
        to_agent=task.agent,
        message_id=new_id(),
        context_id=message.conversation,
        metadata={**message.metadata, RERUN: msgspec.to_builtins(rerun)},
    )
    headers = {name: opener.headers[name] for name in _KEPT if name in opener.headers}
    if source.state is TaskState.FAILED:
        headers[RETRY_OF] = task.id
    await put_in_inbox(connection, task.agent, message, headers=headers)
    return TaskHandle(connection, task.agent, message.message_id, message=message)


def first_version(job: Job, versions: Sequence[str]) -> str:
    """Return the version that a new run begins with: that of what it takes over, if it is here.

    Args:
        job: the run.
        versions: those that are here, the one for new runs first.

    """
    with contextlib.suppress(InvalidMessage):  # told when it is to be taken over
        rerun = rerun_of(job.message.metadata)
        if rerun is not None and rerun.version in versions:
            return rerun.version
    return versions[0]


async def take_over(connection: Connection, card: AgentCard, job: Job) -> None:
    """Copy what a task is to take over into its log, unless that has been done.

    Cut off at any event, the next claim goes on behind it: what is copied, and in which order,
    depends on the other log up to a place, which does not change any more.

    Raises:
        Fenced: the task has another owner by now.
        InvalidMessage: there is nothing to take over, or it is not to be given away.
        ConnectionLost: the server does not confirm it.
    """
    if job.recording.lineage or (rerun := rerun_of(job.message.metadata)) is None:
        return
    events = await read_log(connection, card.token, rerun.task_id)
    _check(rerun, events, job.owner)
    plan = plan_take_over(card.name, rerun, events)
    for event in plan.events[await _copied(connection, card.token, job) :]:
        job.recording.add(await job.log.append(event.kind, event.data))
    facts = {
        "task_id": rerun.task_id,
        "after": rerun.after,
        "events": len(plan.events),
        "lineage": list(plan.ids.tasks),
        "redone": sorted(plan.ids.redone),
        "fresh": plan.ids.fresh,
        "unsure": await _unsure(connection, plan),
        **({UNSTEERED: plan.unsteered} if plan.unsteered else {}),
    }
    job.recording.add(await job.log.append(TAKEN_OVER, facts))


def _check(rerun: Rerun, events: Sequence[LoggedEvent], owner: str) -> None:
    what = f"it is to go on with what task {rerun.task_id} has on record"
    if not events:
        raise InvalidMessage(f"{what}, whose log is gone: it is kept for a time after the end only")
    if rerun.after and rerun.after not in {sequence for sequence, _ in events}:
        raise InvalidMessage(f"{what} up to event {rerun.after}, which is not there")
    if fold(event for _, event in events).owner != owner:
        raise InvalidMessage(f"{what}, but that is done for somebody else")


async def _copied(connection: Connection, agent: str, job: Job) -> int:
    """Return how many events earlier claims have copied, before their process died."""
    if not job.before.created_at:
        return 0
    own = await read_log(connection, agent, job.task_id)
    return sum(isinstance(event.data.get("key"), str) for _, event in own)


async def _unsure(connection: Connection, plan: TakeOver) -> list[str]:
    """Return the messages among the copies that may never have been stored.

    Their sender had come to no rest since, and nobody has begun with them: they are put into
    their inbox once more, under the same id.
    """
    logs: dict[str, str] = {}
    refused = {event.data.get("key") for event in plan.events if event.kind == "unsent"}
    for event in plan.events:
        if event.kind != "sent" or event.data.get("key") in refused:
            continue
        if (sent := str(event.data.get("message_id"))) not in plan.sent:
            receiver = agent_token(str(event.data.get("to_agent")))
            logs[connection.layout.log(receiver, sent)] = sent
    there = await connection.last_of_each(TASKS, [*logs])
    return [sent for log, sent in logs.items() if log not in there]
