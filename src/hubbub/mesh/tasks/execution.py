"""The way of one delivery: claimed, worked on, logged, reported, acknowledged (DESIGN section 5).

Whether it is worked on now is a matter of `admission`, what follows its end one of `closing`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.presence.leases import LeaseKeeper
from hubbub.mesh.service import Service
from hubbub.mesh.tasks.admission import Admission
from hubbub.mesh.tasks.attempt import Attempt
from hubbub.mesh.tasks.closing import Closing
from hubbub.mesh.tasks.inbox import WAKE_LANE, Delivery, Inbox
from hubbub.mesh.tasks.inputs import set_timers
from hubbub.mesh.tasks.job import Job, Stored, opened_task, opener_on_record, read_opener
from hubbub.mesh.tasks.log import Fenced, TaskLog, read_log
from hubbub.mesh.tasks.rerun import take_over
from hubbub.mesh.tasks.slot import Pace, run_slot
from hubbub.mesh.tasks.telling import tell
from hubbub.mesh.tasks.timing import Timing, timing_of
from hubbub.mesh.tasks.underway import Underway
from hubbub.mesh.tasks.verdict import End, Stop
from hubbub.mesh.tasks.waking import Wake, take_in_stored, what_to_do
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import OWNER
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire import clock
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import EventKind, TaskSnapshot, fold
from hubbub.wire.inputs import CANCEL, is_note
from hubbub.wire.subjects import parse

__all__ = ["Executor"]

log = logging.getLogger("hubbub.tasks")

_LOOK_AGAIN_SECONDS = 1.0
# Who begins with the task looks for its notes; this only finds what that has missed.
_LONGEST_KEPT_SECONDS = 15.0


class Executor:
    """Works off the deliveries of one agent in this process.

    Attributes:
        running: how many tasks are being worked on.
    """

    def __init__(
        self,
        connection: Connection,
        service: Service,
        inbox: Inbox,
        leases: LeaseKeeper,
        *,
        instance: str,
    ) -> None:
        self._connection = connection
        self._service = service
        self._inbox = inbox
        self._leases = leases
        self._agent = inbox.agent
        self._lease_seconds = service.lease_seconds or connection.config.lease_seconds
        self._underway = Underway()
        self._closing = Closing(connection, service, inbox, self._underway)
        self._admission = Admission(connection, service, inbox, self._closing, instance=instance)
        self._pace = Pace()

    @property
    def running(self) -> int:
        """How many handlers are at work."""
        return len(self._underway.attempts)

    async def run_slot(self) -> None:
        """Work off one message after the other until the inbox is closed."""
        await run_slot(self._connection, self._inbox, self._run, self._pace)

    @property
    def underway(self) -> Underway:
        """The tasks that are being dealt with here."""
        return self._underway

    def works_on(self, task_id: str) -> bool:
        """Tell whether a handler is at work on a task here."""
        return task_id in self._underway.attempts

    def cancel(self, task_id: str) -> None:
        """Stop the handler of a task, if it runs here or is about to."""
        self._underway.cancel(task_id)

    async def obey(self) -> None:
        """Stop the handlers whose end was asked for while the connection was away.

        Raises:
            ConnectionLost: the server does not answer.
        """
        for task_id in list(self._underway.attempts):
            if await self._admission.cancel_waits(task_id):
                self.cancel(task_id)

    def release_all(self) -> None:
        """Stop every handler and hand its task back."""
        self._underway.release_all()

    # One delivery

    async def _run(self, delivery: Delivery, free: asyncio.Event) -> None:
        try:
            with self._leases.hold(delivery.ack_subject, self._lease_seconds):
                await self._open(delivery, free)
        except Fenced:
            self._inbox.abandon(delivery)
        except HubbubError as error:
            # The server is away or refuses: the lease runs out, and the message comes again.
            log.warning(
                "%s: message %d is left to its lease: %s", self._agent, delivery.sequence, error
            )
            self._inbox.abandon(delivery)
        except Exception:
            # Whatever it is, a slot must not end of it.
            log.exception("%s: message %d is left to its lease", self._agent, delivery.sequence)
            self._inbox.abandon(delivery)
        finally:
            free.set()

    async def _open(self, delivery: Delivery, free: asyncio.Event) -> None:
        if delivery.lane == WAKE_LANE:
            await self._wake(delivery, free)
        else:
            await self._work_off(delivery, free)

    async def _work_off(self, delivery: Delivery, free: asyncio.Event) -> None:
        try:
            message = read_opener(
                delivery,
                to_agent=self._service.card.name,
                secured=self._connection.layout.secured,
            )
            timing = timing_of(delivery.headers)
        except InvalidMessage as error:
            await self._closing.refuse(delivery, f"not a message: {error}")
            return
        task_id = opened_task(delivery, message)
        if task_id in self._underway.leases:
            # Its lease ran out, as in an outage of the server. Here it goes on, and the signs of
            # life that the running attempt gives are good for this delivery, too.
            return
        await self._at_it(self._job(delivery, delivery, message, task_id, timing), free)

    def _job(
        self,
        delivery: Delivery,
        opener: Stored,
        message: AgentMessage,
        task_id: str,
        timing: Timing,
    ) -> Job:
        tasklog = TaskLog(
            self._connection,
            self._agent,
            task_id,
            context=message.conversation,
            owner=opener.headers.get(OWNER, ""),
        )
        return Job(delivery, opener, message, task_id, timing, tasklog, TaskSnapshot())

    async def _at_it(self, job: Job, free: asyncio.Event) -> None:
        self._underway.leases[job.task_id] = job.delivery.place
        try:
            await self._work_on(job, free)
        finally:
            self._underway.leases.pop(job.task_id, None)
            self._underway.canceled.discard(job.task_id)

    async def _work_on(self, job: Job, free: asyncio.Event) -> None:
        try:
            if job.is_awake:
                wait = 0.0 if job.before.is_parked else self._admission.seconds_to_wait(job)
                if wait:
                    await self._inbox.give_back(job.delivery, after=wait)
                    return
            elif await self._admission.is_put_aside(job):
                return
            if await self._admission.is_of_another_version(job):
                return
            end = await self._admission.end_before_claim(job)
            if end is None:
                await self._admission.claim(job)
                await take_over(self._connection, self._service.card, job)
                # Notes may have come before anybody began with it.
                if job.before.created_at or job.task_id in self._underway.noted:
                    await take_in_stored(self._connection, self._agent, job)
        except Fenced:
            # Canceled before the claim, or stored twice. Or we were asleep since the delivery,
            # and the message is in other hands: then it is not ours to acknowledge.
            if job.is_awake:  # another input has woken it, and whoever has that takes in this one
                await self._inbox.give_back(job.delivery, after=_LOOK_AGAIN_SECONDS)
                return
            await self._admission.recall(job)
            if not await self._admission.is_settled(job):
                raise
            return
        except InvalidMessage as error:
            await self._closing.give_up(job, str(error))
            return
        if end is None:
            end = await self._attempt(job)
        await self._closing.finish(job, end, free)

    async def _attempt(self, job: Job) -> End:
        attempt = Attempt(self._connection, self._service, job)
        if job.task_id in self._underway.canceled:
            attempt.stop(Stop.CANCELED)
        elif self._underway.is_releasing:
            attempt.stop(Stop.RELEASED)
        tell(job, "started", attempt=job.attempt)
        self._underway.attempts[job.task_id] = attempt
        began = time.monotonic()
        try:
            end = await attempt.run()
        finally:
            self._pace.note(time.monotonic() - began)
            del self._underway.attempts[job.task_id]
        if end.kind in (EventKind.PARKED, EventKind.WAITING):
            # First: once it is at rest, nothing else will wake it.
            await set_timers(
                self._connection, self._agent, job.task_id, attempt.times, job.timing.deadline
            )
        return end

    # What wakes a task

    async def _wake(self, delivery: Delivery, free: asyncio.Event) -> None:
        """Go on with a task that has been told something, or see that its owner hears of it."""
        wait = clock.seconds_until(timing_of(delivery.headers).not_before)
        if wait:
            await self._inbox.give_back(delivery, after=wait)
            return
        address = parse(delivery.subject)
        if address is None or address.task_id in self._underway.leases:
            await self._hand_over(delivery)
            return
        events = await read_log(self._connection, self._agent, address.task_id)
        before = fold(event for _, event in events)
        if not events and is_note(address.key):
            # Its task waits to be begun with.
            self._underway.expect_notes(address.task_id)
            after = min(_LOOK_AGAIN_SECONDS * delivery.deliveries, _LONGEST_KEPT_SECONDS)
            await self._inbox.give_back(delivery, after=after)
            return
        if not events or not before.subject:
            await self._inbox.acknowledge(delivery)  # nobody knows what it is about
            return
        opener, message = opener_on_record(before)
        timing = timing_of(opener.headers)
        job = self._job(delivery, opener, message, address.task_id, timing)
        job.take_in(events)
        match what_to_do(address.key, delivery, job):
            case Wake.CLOSE:
                await self._closing.close(job, before, again=True)
            case Wake.DROP:
                await self._inbox.acknowledge(delivery)
            case Wake.WORK:
                await self._at_it(job, free)
            case Wake.HAND_OVER:
                await self._hand_over(delivery)

    async def _hand_over(self, delivery: Delivery) -> None:
        """Let the owner of a task have its input; ask again until it is on record."""
        address = parse(delivery.subject)
        if address is not None and self._underway.leases.get(address.task_id) == delivery.place:
            return  # it is the lease of what goes on here, which ran out in an outage
        await self.take_in(delivery.subject)
        await self._inbox.give_back(delivery, after=_LOOK_AGAIN_SECONDS)

    async def take_in(self, subject: str) -> None:
        """Give an input to the handler that works here on its task, if one does.

        Raises:
            ConnectionLost: the server does not answer.
        """
        address = parse(subject)
        attempt = self._underway.attempts.get(address.task_id) if address is not None else None
        if address is None or attempt is None:
            return
        if address.key == CANCEL:
            self.cancel(address.task_id)
            return
        stored = await self._connection.last_of(WAKE, subject)
        if stored is None or clock.seconds_until(timing_of(stored.headers).not_before):
            return
        try:
            done = await attempt.take_in(address.key, stored.data)
        except InvalidMessage as error:
            if not is_note(address.key):
                raise
            log.warning("%s: a note to task %s is dropped: %s", self._agent, attempt.task_id, error)
            done = True
        if done and stored.sequence != attempt.lease_sequence:
            await self._connection.remove(WAKE, stored.sequence)
