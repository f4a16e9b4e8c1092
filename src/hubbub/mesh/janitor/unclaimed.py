"""What lies in the inboxes and waits for nobody: misaddressed, come too late, or ended already."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.janitor.glance import glance
from hubbub.mesh.presence.cards import list_instances
from hubbub.mesh.tasks.burial import bury, letter_subject
from hubbub.mesh.tasks.completion import report_completion
from hubbub.mesh.tasks.ending import conclude
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.tasks.job import Job, opened_task, read_opener
from hubbub.mesh.tasks.log import Fenced, TaskLog, read_log
from hubbub.mesh.tasks.timing import timing_of
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import ORIGIN, OWNER, read_pair
from hubbub.mesh.transport.streams import DEAD, INBOX, TASKS
from hubbub.wire.card import AgentCard
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import EventKind, TaskSnapshot, TaskState, fold
from hubbub.wire.names import ANONYMOUS, agent_token, is_agent_token

__all__ = ["Unclaimed"]

log = logging.getLogger("hubbub.janitor")

_MOST_A_ROUND = 10_000
_MOST_AT_ONCE = 256
_MOST_BYTES_AT_ONCE = 4 * 1024 * 1024


class _Counts(Protocol):
    undeliverable: int
    expired: int
    closed: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of an inbox that a task of some agent is to come from."""

    stored: StoredMessage
    agent: str
    message: AgentMessage
    task_id: str


class Unclaimed:
    """Goes through the inboxes, a piece of them each round, and begins anew at their end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = 0

    async def tidy(self, counts: _Counts, go_on: Callable[[], Awaitable[None]]) -> None:
        """Look at the next piece of the inboxes.

        Args:
            counts: where to add what was done.
            go_on: called now and then; raises if we are to stop.

        Raises:
            HubbubError: the server does not answer, or refuses.
        """
        present = {instance.token for instance in await list_instances(self._connection)}
        left = _MOST_A_ROUND
        while left > 0:
            await go_on()
            some = await self._connection.read_some(
                INBOX,
                start=self._cursor + 1,
                subject="agents.direct.>",
                limit=_MOST_AT_ONCE,
                max_bytes=_MOST_BYTES_AT_ONCE,
            )
            if not some:
                self._cursor = 0
                return
            await self._look_at(some, present, counts)
            self._cursor = some[-1].sequence
            left -= len(some)

    async def _look_at(self, some: list[StoredMessage], present: set[str], counts: _Counts) -> None:
        suspects: list[_Entry] = []
        for stored in some:
            name = stored.subject.split(".")[2]
            if not is_agent_token(name):
                await self._bury(stored, name)
                counts.undeliverable += 1
            elif name not in present or _is_late(stored):
                suspects += self._read(stored, name)
        layout = self._connection.layout
        logs = [layout.log(entry.agent, entry.task_id) for entry in suspects]
        last = await self._connection.last_of_each(TASKS, logs)
        for entry, subject in zip(suspects, logs, strict=True):
            end = last.get(subject)
            if end is None:
                if reason := timing_of(entry.stored.headers).too_late(begun=False):
                    counts.expired += await self._expire(entry, reason)
            elif glance(end.data).is_final and entry.agent not in present:
                # An instance would do this; there is none.
                await self._close(entry)
                counts.closed += 1

    # Messages that nobody can take

    async def _bury(self, stored: StoredMessage, name: str) -> None:
        """Make a message to a name that nobody can have a dead letter, and tell its sender."""
        reason = f"no agent can be named {name[:80]!r} in a subject: use its token"
        task_id = f"s{stored.sequence}"
        log.warning("A message on %s is a dead letter now: %s", stored.subject, reason)
        lies_there = await self._connection.last_of(DEAD, letter_subject(name, task_id))
        await bury(self._connection, name, task_id, stored, reason=reason, errors=[])
        try:
            message = self._message(stored, None)
            to = name if _is_name(name) else ANONYMOUS
        except InvalidMessage:
            pass  # it does not tell who sent it
        else:
            await report_completion(
                self._connection,
                to,
                message,
                task_id,
                TaskSnapshot(state=TaskState.FAILED, error=reason),
                origin=read_pair(stored.headers.get(ORIGIN)),
                again=lies_there is not None,
            )
        await self._connection.remove(INBOX, stored.sequence)

    # Tasks

    async def _expire(self, entry: _Entry, reason: str) -> bool:
        """End a task that nobody has begun with in time; tell whether it was us who did."""
        job = self._job(entry)
        facts = {**job.opening, "error": reason}
        try:
            await job.log.append(EventKind.FAILED, facts)
        except Fenced:
            return False  # claimed or canceled in this moment
        except InvalidMessage:
            pass  # it leaves no room for a log: the dead letter is all that can be kept of it
        await self._conclude(entry, job, TaskSnapshot(state=TaskState.FAILED, error=reason))
        return True

    async def _close(self, entry: _Entry) -> None:
        """Do what follows the end of a task whose process died before it could."""
        events = await read_log(self._connection, entry.agent, entry.task_id)
        try:
            end = fold(event for _, event in events)
        except InvalidMessage as error:
            log.warning("The log of task %s is broken: %s", entry.task_id, error)
            return
        if end.inbox_sequence in (0, entry.stored.sequence):
            await self._conclude(entry, self._job(entry), end, again=True)
        else:
            await self._connection.remove(
                INBOX, entry.stored.sequence
            )  # the same message, stored twice

    async def _conclude(
        self, entry: _Entry, job: Job, end: TaskSnapshot, *, again: bool = False
    ) -> None:
        shown = entry.message.to_agent
        name = shown if shown and agent_token(shown) == entry.agent else entry.agent
        await conclude(
            self._connection,
            AgentCard(name=name),
            job,
            end,
            was_told_to_end=again,
            again=again,
        )
        await self._connection.remove(INBOX, entry.stored.sequence)

    def _job(self, entry: _Entry) -> Job:
        stored = entry.stored
        delivery = Delivery(stored.subject, stored.data, stored.headers, stored.sequence, 1, "")
        context = entry.message.conversation
        owner = stored.headers.get(OWNER, "")
        tasklog = TaskLog(
            self._connection, entry.agent, entry.task_id, context=context, owner=owner
        )
        timing = timing_of(stored.headers)
        return Job(
            delivery, delivery, entry.message, entry.task_id, timing, tasklog, TaskSnapshot()
        )

    def _read(self, stored: StoredMessage, agent: str) -> list[_Entry]:
        """Return what an entry opens; nothing if that is for the agent to find out."""
        try:
            timing_of(stored.headers)
            message = self._message(stored, agent)
        except InvalidMessage:
            return []
        task_id = opened_task(stored, message)
        return [_Entry(stored, agent, message, task_id)]

    def _message(self, stored: StoredMessage, agent: str | None) -> AgentMessage:
        return read_opener(stored, to_agent=agent, secured=self._connection.layout.secured)


def _is_late(stored: StoredMessage) -> bool:
    try:
        return bool(timing_of(stored.headers).too_late(begun=False))
    except InvalidMessage:
        return False


def _is_name(name: str) -> bool:
    try:
        agent_token(name)
    except HubbubError:
        return False
    return True
