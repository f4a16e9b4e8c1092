"""Whether a delivery is worked on now: what is on record, what has been put off, and the claim."""

from __future__ import annotations

import logging
import time
from typing import Any

from hubbub.errors import InvalidMessage
from hubbub.mesh.service import Service
from hubbub.mesh.tasks.closing import Closing
from hubbub.mesh.tasks.inbox import Inbox
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.tasks.rerun import first_version
from hubbub.mesh.tasks.verdict import CANCELED_UNSTARTED, End, exhausted
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire import clock
from hubbub.wire.events import EventKind
from hubbub.wire.names import agent_token

__all__ = ["Admission"]

log = logging.getLogger("hubbub.tasks")

_MOST_RESERVED = 100_000
_OTHER_VERSION_SECONDS = 1.0


class Admission:
    """Lets the tasks of one agent begin in this process, or puts them off."""

    def __init__(
        self,
        connection: Connection,
        service: Service,
        inbox: Inbox,
        closing: Closing,
        *,
        instance: str,
    ) -> None:
        self._connection = connection
        self._service = service
        self._inbox = inbox
        self._closing = closing
        self._instance = instance
        self._agent = inbox.agent
        # When messages that are held back by a rate limit may begin, by their place in the inbox.
        self._reserved: dict[int, float] = {}

    async def is_put_aside(self, job: Job) -> bool:
        """Tell whether a delivery is not to be worked on now, and has been dealt with."""
        if job.delivery.deliveries > 1:
            await self.recall(job)
            if await self.is_settled(job):
                return True
        if wait := self.seconds_to_wait(job) or self._seconds_of_rate(job):
            await self._inbox.give_back(job.delivery, after=wait)
            return True
        return False

    async def is_settled(self, job: Job) -> bool:
        """Tell whether nothing is left to do for a delivery but what is done here."""
        if job.before.inbox_sequence not in (0, job.delivery.sequence):
            await self._inbox.acknowledge(job.delivery)  # the same message, stored twice
            return True
        if job.before.is_parked or job.before.wake_sequence:
            await self._inbox.acknowledge(job.delivery)  # from then on, inputs are its lease
            return True
        if job.before.state.is_final:
            await self._closing.close(job, job.before, again=True)
            return True
        return False

    async def recall(self, job: Job) -> None:
        """Read what is known of a task, and go on writing behind it.

        Raises:
            InvalidMessage: the log breaks its own rules.
        """
        try:
            job.take_in(await read_log(self._connection, self._agent, job.task_id))
        except InvalidMessage as error:
            raise InvalidMessage(f"the log of its task is broken: {error}") from None

    async def is_of_another_version(self, job: Job) -> bool:
        """Tell whether a task began with code that is not here, and has been left to others."""
        versions = self._service.versions
        if versions is None or not job.log.head or job.before.version in versions:
            return False
        log.info(
            "%s: task %s began with version %r, which is not served here",
            self._agent,
            job.task_id,
            job.before.version,
        )
        await self._inbox.give_back(
            job.delivery, after=_OTHER_VERSION_SECONDS, rather_elsewhere=True
        )
        return True

    async def end_before_claim(self, job: Job) -> End | None:
        """Return how a task ends that no handler shall see, None if one shall."""
        if job.attempt > self._connection.config.max_attempts:
            return exhausted(job.before)
        if job.log.head and await self.cancel_waits(job.task_id):
            return CANCELED_UNSTARTED
        if reason := job.timing.too_late(begun=job.is_awake or job.before.attempts > 0):
            facts = {} if job.log.head else job.opening
            return End(EventKind.FAILED, {**facts, "error": reason})
        return None

    async def claim(self, job: Job) -> None:
        """Make a task one of this instance, by an event in its log.

        Raises:
            Fenced: it has another owner, or has ended.
            InvalidMessage: the claim does not fit into its log.
        """
        facts: dict[str, Any] = {"instance": self._instance, "attempt": job.attempt}
        if job.is_awake:
            facts["wake_sequence"] = job.delivery.sequence
        else:
            facts |= job.opening
            if versions := self._service.versions:
                facts["version"] = (
                    job.before.version if job.log.head else first_version(job, versions)
                )
        try:
            job.recording.add(await job.log.append(EventKind.CLAIMED, facts))
        except InvalidMessage as error:
            raise InvalidMessage(f"it leaves no room for its log: {error}") from None

    async def cancel_waits(self, task_id: str) -> bool:
        """Tell whether somebody asked for the end of a task while its process was dead."""
        subject = self._connection.layout.input(self._agent, task_id, "cancel")
        return await self._connection.last_of(WAKE, subject) is not None

    def seconds_to_wait(self, job: Job) -> float:
        """Return after how many seconds a task is to be delivered again, 0 if it is due."""
        wait = clock.seconds_until(job.timing.not_before)
        if not wait and job.before.again_at and clock.is_moved():
            # The server holds a retry back by its own clock; one that tests move is ours.
            wait = clock.seconds_until(clock.read_iso(job.before.again_at))
        return wait

    def _seconds_of_rate(self, job: Job) -> float:
        """Return after how many seconds the rate limits let a task begin, 0 if they do now."""
        now, sequence = time.monotonic(), job.delivery.sequence
        due = self._reserved.pop(sequence, None)
        if due is None:
            due = now + self._service.rates.reserve_for(agent_token(job.message.from_agent))
        if due <= now:
            return 0.0
        self._reserved[sequence] = due
        if len(self._reserved) > _MOST_RESERVED:
            self._reserved.pop(next(iter(self._reserved)))  # another instance may have had it
        return due - now
