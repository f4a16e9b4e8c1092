"""The end of a run: its final event, what follows that, and the acknowledgement (DESIGN 5.1).

The order at the end is always the same: final event, dead letter if failed, completion to the
sender, acknowledgement. A redelivery that finds a final event repeats the last three.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from hubbub.errors import ConnectionLost, InvalidMessage
from hubbub.mesh.service import Service
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.ending import conclude
from hubbub.mesh.tasks.inbox import WAKE_LANE, Delivery, Inbox
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.log import Fenced
from hubbub.mesh.tasks.telling import tell
from hubbub.mesh.tasks.underway import Underway
from hubbub.mesh.tasks.verdict import End
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock
from hubbub.wire.events import FINAL_KINDS, EventKind, TaskSnapshot, TaskState
from hubbub.wire.names import check_message_id

__all__ = ["Closing"]

log = logging.getLogger("hubbub.tasks")


class Closing:
    """Ends the runs of one agent in this process."""

    def __init__(
        self, connection: Connection, service: Service, inbox: Inbox, underway: Underway
    ) -> None:
        self._connection = connection
        self._service = service
        self._inbox = inbox
        self._agent = inbox.agent
        self._underway = underway

    async def finish(self, job: Job, end: End, free: asyncio.Event) -> None:
        """Write what came of an attempt, let the slot go on, and do what follows."""
        await self._append_end(job, end)
        free.set()
        tell(job, end.kind, error=end.data.get("error"))
        if end.kind in (EventKind.PARKED, EventKind.WAITING):
            await self._inbox.acknowledge(job.delivery)
            # What came while it was coming to rest is to wake it.
            self._inbox.look_into(WAKE_LANE)
            return
        if end.again_after is not None:
            wait = min(end.again_after, clock.seconds_until(clock.seconds() + end.again_after))
            await self._inbox.give_back(job.delivery, after=wait)
            return
        after = TaskSnapshot(
            state=TaskState(str(end.kind)),
            result=end.data.get("result"),
            error=str(end.data.get("error", "")),
            errors=job.before.errors,
            updated_at=clock.now(),
        )
        # The end that we have written is ours alone to report.
        await self.close(job, after, again=False)

    async def _append_end(self, job: Job, end: End) -> None:
        """Write what came of an attempt, however long the server is away: it cost something."""
        attempt = job.attempt if job.log.is_at_work else job.before.attempts
        facts = {**end.data, "attempt": attempt}
        if job.recording.usage and str(end.kind) in FINAL_KINDS:
            facts["usage"] = dict(job.recording.usage)
        while True:
            try:
                await job.log.append(end.kind, facts)
            except ConnectionLost as error:
                if self._underway.is_releasing or self._connection.client.is_closed:
                    raise
                log.warning("%s: an attempt has ended, but: %s", self._agent, error)
            else:
                return

    async def close(self, job: Job, end: TaskSnapshot, *, again: bool) -> None:
        """Do what follows a final event, and acknowledge the delivery.

        Args:
            job: the task.
            end: how it has ended.
            again: whether somebody else may have done some of it before.
        """
        await conclude(
            self._connection,
            self._service.card,
            job,
            end,
            was_told_to_end=job.task_id in self._underway.canceled,
            again=again,
        )
        await self._inbox.acknowledge(job.delivery)

    async def give_up(self, job: Job, reason: str) -> None:
        """End a task whose log cannot be written as it ought to be."""
        log.warning("%s: task %s: %s", self._agent, job.task_id, reason)
        with contextlib.suppress(Fenced, InvalidMessage):  # there is a log, but a broken one
            await job.log.append(EventKind.FAILED, {"error": reason})
        await self.close(job, TaskSnapshot(state=TaskState.FAILED, error=reason), again=True)

    async def refuse(self, delivery: Delivery, reason: str) -> None:
        """Bury what no handler may see."""
        task_id = f"s{delivery.sequence}"
        with contextlib.suppress(InvalidMessage):
            task_id = check_message_id(delivery.message_id)
        log.warning("%s: message %d: %s", self._agent, delivery.sequence, reason)
        await bury(self._connection, self._agent, task_id, delivery, reason=reason, errors=[])
        await self._inbox.acknowledge(delivery)
