"""Runs that cannot go on: nobody serves them, or not the version that they began with."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from itertools import islice

from hubbub.errors import InvalidMessage
from hubbub.mesh.diagnosis.finding import Finding, counted, duration
from hubbub.mesh.presence.cards import Instance
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import TASKS, WAKE, stored_subjects
from hubbub.wire import clock
from hubbub.wire.events import EventKind, TaskEvent, TaskState, state_after
from hubbub.wire.inputs import is_timer
from hubbub.wire.subjects import Address, parse

__all__ = ["examine_inputs", "examine_runs"]

_MOST_FINDINGS = 20
_MOST_LOGS = 20_000
_MOST_INPUTS = 5_000
_LONG_SECONDS = 60.0
_AT_ONCE = 32

_Served = Mapping[str, list[Instance]]
"""The instances of each agent that is online, by its token."""


async def examine_inputs(
    connection: Connection, served: _Served, *, server_ahead: float
) -> AsyncGenerator[Finding]:
    """Look at answers, and what else runs are told, that no run has taken in.

    Args:
        connection: the mesh.
        served: who is online.
        server_ahead: by how many seconds the server's clock is ahead of ours.

    Raises:
        HubbubError: the server does not answer.
    """
    subjects = [
        subject
        for subject in await stored_subjects(connection, WAKE, "tasks.*.*.in.*")
        if (address := parse(subject)) is not None and not is_timer(address.key)
    ]
    stored = await connection.last_of_each(WAKE, subjects[:_MOST_INPUTS])
    told = [(address, one) for one in stored.values() if (address := parse(one.subject))]
    logs = {connection.layout.log(address.agent, address.task_id) for address, _ in told}
    last = await connection.last_of_each(TASKS, [*logs])
    lying: dict[str, list[StoredMessage]] = {}
    for address, one in told:
        log = last.get(connection.layout.log(address.agent, address.task_id))
        if log is not None and _is_untaken(log, is_online=address.agent in served):
            lying.setdefault(address.agent, []).append(one)
    more = len(subjects) > _MOST_INPUTS
    ranked = sorted(lying.items(), key=lambda item: (item[0] in served, -len(item[1]), item[0]))
    for agent, inputs in ranked[:_MOST_FINDINGS]:
        age = max((_age(one, server_ahead) for one in inputs), default=0.0)
        finding = _about_inputs(agent, len(inputs), age, more=more, is_online=agent in served)
        if finding is not None:
            yield finding


def _is_untaken(log: StoredMessage, *, is_online: bool) -> bool:
    """Tell whether an input of a task waits; that of one at work is its lease, or on its way."""
    state = _state_behind(log)
    return not state.is_final and not (is_online and state is TaskState.WORKING)


def _state_behind(log: StoredMessage) -> TaskState:
    with contextlib.suppress(InvalidMessage):
        return state_after(TaskState.WORKING, TaskEvent.from_bytes(log.data).kind)
    return TaskState.FAILED  # whoever has written that


def _age(stored: StoredMessage, server_ahead: float) -> float:
    with contextlib.suppress(InvalidMessage):
        return max(0.0, clock.seconds() + server_ahead - clock.read_iso(stored.time))
    return 0.0


def _about_inputs(
    agent: str, count: int, age: float, *, more: bool, is_online: bool
) -> Finding | None:
    facts = {"agent": agent, "inputs": count, "oldest_seconds": age, "online": is_online}
    some = f"{'at least ' if more else ''}{counted(count, 'answer')}"
    text = f"{agent}: {some} (or the like) not taken in yet, the oldest for {duration(age)}"
    if not is_online:
        text += ", and nobody serves it"
        return Finding("note", "Answers", text, facts, "start it with `hubbub run`")
    if age <= _LONG_SECONDS:
        return None
    remedy = "its processes are busy, or do not have the version of the run; start more of them"
    return Finding("note", "Answers", text, facts, remedy)


async def examine_runs(connection: Connection, served: _Served) -> AsyncGenerator[Finding]:
    """Look at runs that have not ended, and whether somebody has the code that they began with.

    Raises:
        HubbubError: the server does not answer.
    """
    subjects = await stored_subjects(connection, TASKS, connection.layout.log("*", "*"))
    last = await connection.last_of_each(TASKS, [*islice(subjects, _MOST_LOGS)])
    more = len(subjects) > _MOST_LOGS
    runs = [
        address
        for subject, log in last.items()
        if (address := parse(subject)) is not None and not _state_behind(log).is_final
    ]
    waiting: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(runs), _AT_ONCE):
        some = runs[start : start + _AT_ONCE]
        versions = await asyncio.gather(*(_version(connection, run) for run in some))
        for run, version in zip(some, versions, strict=True):
            instances = served.get(run.agent, ())
            if version is not None and not any(one.takes(version) for one in instances):
                waiting[run.agent, version] += 1
    for (agent, version), count in waiting.most_common(_MOST_FINDINGS):
        yield _about_runs(agent, version, count, more=more, is_online=agent in served)


async def _version(connection: Connection, run: Address) -> str | None:
    """Return the version that a run began with; None for the task of an agent without versions."""
    subject = connection.layout.log(run.agent, run.task_id)
    for first in await connection.read_some(TASKS, subject=subject, limit=1):
        with contextlib.suppress(InvalidMessage):
            event = TaskEvent.from_bytes(first.data)
            if event.kind == EventKind.CLAIMED and isinstance(event.data.get("version"), str):
                return str(event.data["version"])
    return None


def _about_runs(agent: str, version: str, count: int, *, more: bool, is_online: bool) -> Finding:
    facts = {"agent": agent, "version": version, "runs": count, "online": is_online}
    runs = f"{agent}: {'at least ' if more else ''}{counted(count, 'run')} not ended"
    which = f"version {version!r}" if version else "the code without a version"
    if not is_online:
        text = f"{runs} that began with {which}, and nobody serves it"
        return Finding("note", "Runs", text, facts, "start it with `hubbub run`")
    text = f"{runs} that began with {which}, which none of its processes has"
    remedy = "start `hubbub run` with the code that still has it"
    return Finding("note", "Runs", text, facts, remedy)
