"""The way of one delivery: claimed, worked on, logged, reported, acknowledged (DESIGN section 5).

The order at the end is always the same: final event, dead letter if failed, completion to the
sender, acknowledgement. A redelivery that finds a final event repeats the last three.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from hubbub.errors import ConnectionLost, HubbubError, InvalidMessage
from hubbub.mesh.presence.leases import LeaseKeeper
from hubbub.mesh.service import Service
from hubbub.mesh.tasks.attempt import Attempt
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.ending import conclude
from hubbub.mesh.tasks.inbox import WAKE_LANE, Delivery, Inbox
from hubbub.mesh.tasks.inputs import set_timers
from hubbub.mesh.tasks.job import Job, Stored, opened_task, opener_on_record, read_opener
from hubbub.mesh.tasks.log import Fenced, TaskLog, read_log
from hubbub.mesh.tasks.rerun import first_version, take_over
from hubbub.mesh.tasks.slot import Pace, run_slot
from hubbub.mesh.tasks.timing import Timing, timing_of
from hubbub.mesh.tasks.verdict import CANCELED_UNSTARTED, End, Stop, exhausted
from hubbub.mesh.tasks.waking import Wake, take_in_stored, what_to_do
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import OWNER
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire import clock
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import FINAL_KINDS, EventKind, TaskSnapshot, TaskState, fold
from hubbub.wire.inputs import CANCEL
from hubbub.wire.names import agent_token, check_message_id
from hubbub.wire.subjects import parse

__all__ = ["Executor"]

activity_log = logging.getLogger("hubbub.activity")
log = logging.getLogger("hubbub.tasks")

_MOST_RESERVED = 100_000
_LOOK_AGAIN_SECONDS = 1.0
_OTHER_VERSION_SECONDS = 1.0


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
        self._instance = instance
        self._agent = inbox.agent
        self._lease_seconds = service.lease_seconds or connection.config.lease_seconds
        # What is the lease of each task that is being dealt with here.
        self._at_work: dict[str, tuple[bool, int]] = {}
        self._attempts: dict[str, Attempt] = {}
        self._canceled: set[str] = set()
        # When messages that are held back by a rate limit may begin, by their place in the inbox.
        self._reserved: dict[int, float] = {}
        self._releasing = False
        self._pace = Pace()

    @property
    def running(self) -> int:
        """How many handlers are at work."""
        return len(self._attempts)

    async def run_slot(self) -> None:
        """Work off one message after the other until the inbox is closed."""
        await run_slot(self._connection, self._inbox, self._run, self._pace)

    def works_on(self, task_id: str) -> bool:
        """Tell whether a handler is at work on a task here."""
        return task_id in self._attempts

    def cancel(self, task_id: str) -> None:
        """Stop the handler of a task, if it runs here or is about to."""
        if task_id in self._at_work:
            self._canceled.add(task_id)
        if task_id in self._attempts:
            self._attempts[task_id].stop(Stop.CANCELED)

    async def obey(self) -> None:
        """Stop the handlers whose end was asked for while the connection was away.

        Raises:
            ConnectionLost: the server does not answer.
        """
        for task_id in list(self._attempts):
            if await self._cancel_waits(task_id):
                self.cancel(task_id)

    def release_all(self) -> None:
        """Stop every handler and hand its task back."""
        self._releasing = True
        for attempt in self._attempts.values():
            attempt.stop(Stop.RELEASED)

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
            await self._refuse(delivery, f"not a message: {error}")
            return
        task_id = opened_task(delivery, message)
        if task_id in self._at_work:
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
        self._at_work[job.task_id] = job.delivery.place
        try:
            await self._work_on(job, free)
        finally:
            self._at_work.pop(job.task_id, None)
            self._canceled.discard(job.task_id)

    # What wakes a task

    async def _wake(self, delivery: Delivery, free: asyncio.Event) -> None:
        """Go on with a task that has been told something, or see that its owner hears of it."""
        wait = clock.seconds_until(timing_of(delivery.headers).not_before)
        if wait:
            await self._inbox.give_back(delivery, after=wait)
            return
        address = parse(delivery.subject)
        if address is None or address.task_id in self._at_work:
            await self._hand_over(delivery)
            return
        events = await read_log(self._connection, self._agent, address.task_id)
        before = fold(event for _, event in events)
        if not events or not before.subject:
            await self._inbox.acknowledge(delivery)  # nobody knows what it is about
            return
        opener, message = opener_on_record(before)
        timing = timing_of(opener.headers)
        job = self._job(delivery, opener, message, address.task_id, timing)
        job.take_in(events)
        match what_to_do(address.key, delivery, job):
            case Wake.CLOSE:
                await self._close(job, before, again=True)
            case Wake.DROP:
                await self._inbox.acknowledge(delivery)
            case Wake.WORK:
                await self._at_it(job, free)
            case Wake.HAND_OVER:
                await self._hand_over(delivery)

    async def _hand_over(self, delivery: Delivery) -> None:
        """Let the owner of a task have its input; ask again until it is on record."""
        address = parse(delivery.subject)
        if address is not None and self._at_work.get(address.task_id) == delivery.place:
            return  # it is the lease of what goes on here, which ran out in an outage
        await self.take_in(delivery.subject)
        await self._inbox.give_back(delivery, after=_LOOK_AGAIN_SECONDS)

    async def take_in(self, subject: str) -> None:
        """Give an input to the handler that works here on its task, if one does.

        Raises:
            ConnectionLost: the server does not answer.
        """
        address = parse(subject)
        attempt = self._attempts.get(address.task_id) if address is not None else None
        if address is None or attempt is None:
            return
        if address.key == CANCEL:
            self.cancel(address.task_id)
            return
        stored = await self._connection.last_of(WAKE, subject)
        if stored is None or clock.seconds_until(timing_of(stored.headers).not_before):
            return
        done = await attempt.take_in(address.key, stored.data)
        if done and stored.sequence != attempt.lease_sequence:
            await self._connection.remove(WAKE, stored.sequence)

    async def _work_on(self, job: Job, free: asyncio.Event) -> None:
        try:
            if job.is_awake:
                wait = 0.0 if job.before.is_parked else self._seconds_to_wait(job)
                if wait:
                    await self._inbox.give_back(job.delivery, after=wait)
                    return
            elif await self._is_put_aside(job):
                return
            if await self._is_of_another_version(job):
                return
            end = await self._end_before_claim(job)
            if end is None:
                await self._claim(job)
                await take_over(self._connection, self._service.card, job)
                if job.before.created_at:
                    await take_in_stored(self._connection, self._agent, job)
        except Fenced:
            # Canceled before the claim, or stored twice. Or we were asleep since the delivery,
            # and the message is in other hands: then it is not ours to acknowledge.
            if job.is_awake:  # another input has woken it, and whoever has that takes in this one
                await self._inbox.give_back(job.delivery, after=_LOOK_AGAIN_SECONDS)
                return
            await self._recall(job)
            if not await self._is_settled(job):
                raise
            return
        except InvalidMessage as error:
            await self._give_up(job, str(error))
            return
        if end is None:
            end = await self._attempt(job)
        await self._finish(job, end, free)

    async def _is_put_aside(self, job: Job) -> bool:
        """Tell whether a delivery is not to be worked on now, and has been dealt with."""
        if job.delivery.deliveries > 1:
            await self._recall(job)
            if await self._is_settled(job):
                return True
        if wait := self._seconds_to_wait(job) or self._seconds_of_rate(job):
            await self._inbox.give_back(job.delivery, after=wait)
            return True
        return False

    async def _is_settled(self, job: Job) -> bool:
        """Tell whether nothing is left to do for a delivery but what is done here."""
        if job.before.inbox_sequence not in (0, job.delivery.sequence):
            await self._inbox.acknowledge(job.delivery)  # the same message, stored twice
            return True
        if job.before.is_parked or job.before.wake_sequence:
            await self._inbox.acknowledge(job.delivery)  # from then on, inputs are its lease
            return True
        if job.before.state.is_final:
            await self._close(job, job.before, again=True)
            return True
        return False

    async def _recall(self, job: Job) -> None:
        """Read what is known of a task, and go on writing behind it.

        Raises:
            InvalidMessage: the log breaks its own rules.
        """
        try:
            job.take_in(await read_log(self._connection, self._agent, job.task_id))
        except InvalidMessage as error:
            raise InvalidMessage(f"the log of its task is broken: {error}") from None

    async def _is_of_another_version(self, job: Job) -> bool:
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

    async def _end_before_claim(self, job: Job) -> End | None:
        """Return how a task ends that no handler shall see, None if one shall."""
        if job.attempt > self._connection.config.max_attempts:
            return exhausted(job.before)
        if job.log.head and await self._cancel_waits(job.task_id):
            return CANCELED_UNSTARTED
        if reason := job.timing.too_late(begun=job.is_awake or job.before.attempts > 0):
            facts = {} if job.log.head else job.opening
            return End(EventKind.FAILED, {**facts, "error": reason})
        return None

    def _seconds_to_wait(self, job: Job) -> float:
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

    async def _claim(self, job: Job) -> None:
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

    async def _attempt(self, job: Job) -> End:
        attempt = Attempt(self._connection, self._service, job)
        if job.task_id in self._canceled:
            attempt.stop(Stop.CANCELED)
        elif self._releasing:
            attempt.stop(Stop.RELEASED)
        _tell(job, "started", attempt=job.attempt)
        self._attempts[job.task_id] = attempt
        began = time.monotonic()
        try:
            end = await attempt.run()
        finally:
            self._pace.note(time.monotonic() - began)
            del self._attempts[job.task_id]
        if end.kind in (EventKind.PARKED, EventKind.WAITING):
            # First: once it is at rest, nothing else will wake it.
            await set_timers(
                self._connection, self._agent, job.task_id, attempt.times, job.timing.deadline
            )
        return end

    async def _cancel_waits(self, task_id: str) -> bool:
        """Tell whether somebody asked for the end of a task while its process was dead."""
        subject = self._connection.layout.input(self._agent, task_id, "cancel")
        return await self._connection.last_of(WAKE, subject) is not None

    # The end

    async def _finish(self, job: Job, end: End, free: asyncio.Event) -> None:
        await self._append_end(job, end)
        free.set()
        _tell(job, end.kind, error=end.data.get("error"))
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
        )
        await self._close(job, after, again=job.delivery.deliveries > 1)

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
                if self._releasing or self._connection.client.is_closed:
                    raise
                log.warning("%s: an attempt has ended, but: %s", self._agent, error)
            else:
                return

    async def _close(self, job: Job, end: TaskSnapshot, *, again: bool) -> None:
        await conclude(
            self._connection,
            self._service.card,
            job,
            end,
            was_told_to_end=job.task_id in self._canceled,
            again=again,
        )
        await self._inbox.acknowledge(job.delivery)

    async def _give_up(self, job: Job, reason: str) -> None:
        """End a task whose log cannot be written as it ought to be."""
        log.warning("%s: task %s: %s", self._agent, job.task_id, reason)
        with contextlib.suppress(Fenced, InvalidMessage):  # there is a log, but a broken one
            await job.log.append(EventKind.FAILED, {"error": reason})
        await self._close(job, TaskSnapshot(state=TaskState.FAILED, error=reason), again=True)

    async def _refuse(self, delivery: Delivery, reason: str) -> None:
        """Bury what no handler may see."""
        task_id = f"s{delivery.sequence}"
        with contextlib.suppress(InvalidMessage):
            task_id = check_message_id(delivery.message_id)
        log.warning("%s: message %d: %s", self._agent, delivery.sequence, reason)
        await bury(self._connection, self._agent, task_id, delivery, reason=reason, errors=[])
        await self._inbox.acknowledge(delivery)


def _tell(job: Job, what: str, **facts: Any) -> None:
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": job.message, "task_id": job.task_id, **facts})
