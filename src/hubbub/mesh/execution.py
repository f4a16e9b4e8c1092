"""The way of one delivery: claimed, worked on, logged, reported, acknowledged (DESIGN section 5).

The order at the end is always the same: final event, dead letter if failed, completion to the
sender, acknowledgement. A redelivery that finds a final event repeats the last three.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from hubbub.errors import ConnectionLost, HubbubError, InvalidMessage, Reject, Retry
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.completion import report_completion
from hubbub.mesh.connection import Connection
from hubbub.mesh.deadletters import bury
from hubbub.mesh.headers import ORIGIN, parse_origin
from hubbub.mesh.inbox import Delivery, Inbox
from hubbub.mesh.leases import LeaseKeeper
from hubbub.mesh.puller import open_puller
from hubbub.mesh.service import Service, Work
from hubbub.mesh.streams import WAKE
from hubbub.mesh.tasklog import Fenced, TaskLog, read_log
from hubbub.mesh.verdict import CANCELED_UNSTARTED, End, described, exhausted, verdict
from hubbub.wire.codec import JSON, encode
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.events import EventKind, TaskSnapshot, TaskState, fold
from hubbub.wire.names import ANONYMOUS, agent_token, check_message_id
from hubbub.wire.subjects import parse

__all__ = ["Executor", "task_id_of"]

activity_log = logging.getLogger("hubbub.activity")
log = logging.getLogger("hubbub.tasks")


def task_id_of(delivery: Delivery, message: AgentMessage) -> str:
    """Return the id of the task that a delivery opens, the same on every redelivery."""
    if delivery.message_id == message.message_id:
        return message.message_id
    return f"s{delivery.sequence}"


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
        self._at_work: set[str] = set()
        self._handlers: dict[str, tuple[asyncio.Task[JSON], Work]] = {}
        self._canceled: set[str] = set()
        self._releasing = False

    @property
    def running(self) -> int:
        """How many handlers are at work."""
        return len(self._handlers)

    async def run_slot(self) -> None:
        """Work off one message after the other until the inbox is closed."""
        async with open_puller(self._connection) as puller:
            while (delivery := await self._inbox.next(puller)) is not None:
                with self._leases.hold(delivery.ack_subject, self._lease_seconds):
                    await self._run(delivery)

    def cancel(self, task_id: str) -> None:
        """Stop the handler of a task, if it runs here or is about to."""
        if task_id in self._at_work:
            self._canceled.add(task_id)
        if task_id in self._handlers:
            handler, work = self._handlers[task_id]
            work.canceled.set()
            handler.cancel()

    async def obey(self) -> None:
        """Stop the handlers whose end was asked for while the connection was away.

        Raises:
            ConnectionLost: the server does not answer.
        """
        for task_id in list(self._handlers):
            if await self._cancel_waits(task_id):
                self.cancel(task_id)

    def release_all(self) -> None:
        """Stop every handler and hand its task back."""
        self._releasing = True
        for handler, _ in self._handlers.values():
            handler.cancel()

    # One delivery

    async def _run(self, delivery: Delivery) -> None:
        try:
            await self._work_off(delivery)
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

    async def _work_off(self, delivery: Delivery) -> None:
        try:
            message = self._read(delivery)
        except InvalidMessage as error:
            await self._refuse(delivery, f"not a message: {error}")
            return
        task_id = task_id_of(delivery, message)
        if task_id in self._at_work:
            # Its lease ran out, as in an outage of the server. Here it goes on, and the signs of
            # life that the running attempt gives are good for this delivery, too.
            return
        self._at_work.add(task_id)
        try:
            await self._work_on(delivery, message, task_id)
        finally:
            self._at_work.discard(task_id)
            self._canceled.discard(task_id)

    async def _work_on(self, delivery: Delivery, message: AgentMessage, task_id: str) -> None:
        tasklog = TaskLog(self._connection, self._agent, task_id)
        before = TaskSnapshot()
        try:
            if delivery.deliveries > 1:
                before = await self._recall(tasklog, task_id)
                if await self._is_settled(delivery, message, task_id, before):
                    return
            attempt = before.attempts + 1
            if attempt > self._connection.config.max_attempts:
                end = exhausted(before)
                await self._finish(delivery, message, task_id, tasklog, before, end)
                return
            if tasklog.head and await self._cancel_waits(task_id):
                end = CANCELED_UNSTARTED
                await self._finish(delivery, message, task_id, tasklog, before, end)
                return
            await self._claim(delivery, message, tasklog, attempt)
        except Fenced:
            # Canceled before the claim, or stored twice. Or we were asleep since the delivery,
            # and the message is in other hands: then it is not ours to acknowledge.
            before = await self._recall(tasklog, task_id)
            if not await self._is_settled(delivery, message, task_id, before):
                raise
            return
        except InvalidMessage as error:
            await self._refuse(delivery, str(error))
            return
        end = await self._attempt(delivery, message, task_id, tasklog, attempt)
        await self._finish(delivery, message, task_id, tasklog, before, end)

    def _read(self, delivery: Delivery) -> AgentMessage:
        address = parse(delivery.subject)
        sender = address.sender if address is not None else ANONYMOUS
        message = read_plain(
            delivery.data,
            to_agent=self._service.card.name,
            from_agent=sender,
            message_id=f"s{delivery.sequence}",
        )
        if message.message_type not in ("request", "handoff"):
            raise InvalidMessage(f"{message.message_type!r} sets no agent to work")
        if self._connection.layout.secured and agent_token(message.from_agent) != sender:
            raise InvalidMessage(f"it says it is from {message.from_agent!r}, but {sender} sent it")
        return message

    async def _is_settled(
        self, delivery: Delivery, message: AgentMessage, task_id: str, before: TaskSnapshot
    ) -> bool:
        """Tell whether nothing is left to do for a delivery but what is done here."""
        if before.inbox_sequence not in (0, delivery.sequence):
            await self._inbox.acknowledge(delivery)  # the same message, stored twice
            return True
        if before.state.is_final:
            await self._close(delivery, message, task_id, before)
            return True
        return False

    async def _recall(self, tasklog: TaskLog, task_id: str) -> TaskSnapshot:
        """Read what is known of a task, and go on writing behind it."""
        try:
            events = await read_log(self._connection, self._agent, task_id)
            if events:
                tasklog.head = events[-1][0]
            return fold(event for _, event in events)
        except InvalidMessage as error:
            raise InvalidMessage(f"the log of its task is broken: {error}") from None

    async def _claim(
        self, delivery: Delivery, message: AgentMessage, tasklog: TaskLog, attempt: int
    ) -> None:
        facts = {
            "message": message.to_builtins(),
            "inbox_sequence": delivery.sequence,
            "instance": self._instance,
            "attempt": attempt,
        }
        try:
            await tasklog.append(EventKind.CLAIMED, facts)
        except InvalidMessage as error:
            raise InvalidMessage(f"it leaves no room for its log: {error}") from None

    # One attempt

    async def _attempt(
        self,
        delivery: Delivery,
        message: AgentMessage,
        task_id: str,
        tasklog: TaskLog,
        attempt: int,
    ) -> End:
        async def record(kind: str, data: dict[str, Any]) -> None:
            # What a handler left running has no place in the log: its end is written there.
            if handler.done():
                raise HubbubError(f"attempt {attempt} at task {task_id} has ended")
            await tasklog.append(kind, data)

        async def show(text: str) -> None:
            subject = self._connection.layout.live(self._agent, task_id)
            await self._connection.publish(subject, encode({"attempt": attempt, "text": text}))

        work = Work(message, task_id, attempt, record, show)
        activity = Activity(
            agent=self._service.card.name,
            message=message,
            task_id=task_id,
            origin=parse_origin(delivery.headers.get(ORIGIN)),
            record=record,
        )
        _tell(message, task_id, "started", attempt=attempt)
        with acting(activity):
            handler = asyncio.create_task(self._service.work(work), name=f"task {task_id}")
        self._handlers[task_id] = (handler, work)
        if task_id in self._canceled:
            self.cancel(task_id)
        if self._releasing:
            handler.cancel()
        try:
            # Not `await handler`: that would pass a cancellation of ours on to it unseen.
            await asyncio.wait({handler})
        except asyncio.CancelledError:
            handler.cancel()
            await asyncio.wait({handler})
            raise
        finally:
            del self._handlers[task_id]
            activity.record = None  # it may still send, as part of the same conversation
        if not handler.cancelled() and isinstance(error := handler.exception(), Exception):
            self._complain(error, attempt)
        return verdict(self._connection, handler, work, releasing=self._releasing)

    def _complain(self, error: Exception, attempt: int) -> None:
        """Log a failure with its trace; what a handler raises on purpose is none."""
        if not isinstance(error, Retry | Reject):
            reason = described(error)
            log.warning("%s: attempt %d failed: %s", self._agent, attempt, reason, exc_info=error)

    async def _cancel_waits(self, task_id: str) -> bool:
        """Tell whether somebody asked for the end of a task while its process was dead."""
        subject = self._connection.layout.input(self._agent, task_id, "cancel")
        return await self._connection.last_of(WAKE, subject) is not None

    # The end

    async def _finish(
        self,
        delivery: Delivery,
        message: AgentMessage,
        task_id: str,
        tasklog: TaskLog,
        before: TaskSnapshot,
        end: End,
    ) -> None:
        await self._append_end(tasklog, end)
        _tell(message, task_id, end.kind, error=end.data.get("error"))
        if end.again_after is not None:
            await self._inbox.give_back(delivery, after=end.again_after)
            return
        error = str(end.data.get("error", ""))
        after = TaskSnapshot(
            state=TaskState(str(end.kind)),
            result=end.data.get("result"),
            error=error,
            errors=before.errors,
        )
        await self._close(delivery, message, task_id, after)

    async def _append_end(self, tasklog: TaskLog, end: End) -> None:
        """Write what came of an attempt, however long the server is away: it cost something."""
        while True:
            try:
                await tasklog.append(end.kind, end.data)
            except ConnectionLost as error:
                if self._releasing or self._connection.client.is_closed:
                    raise
                log.warning("%s: an attempt has ended, but: %s", self._agent, error)
            else:
                return

    async def _close(
        self, delivery: Delivery, message: AgentMessage, task_id: str, end: TaskSnapshot
    ) -> None:
        """Do what follows the final event; doing it again changes nothing."""
        if end.state is TaskState.FAILED:
            await bury(
                self._connection,
                self._agent,
                task_id,
                delivery,
                reason=end.error,
                errors=[*end.errors, end.error],
            )
        await report_completion(
            self._connection,
            self._service.card.name,
            message,
            task_id,
            end,
            origin=parse_origin(delivery.headers.get(ORIGIN)),
        )
        if end.state is TaskState.CANCELED or task_id in self._canceled:
            await self._forget_inputs(task_id)
        await self._inbox.acknowledge(delivery)

    async def _forget_inputs(self, task_id: str) -> None:
        """Remove what was to tell a task to end."""
        subject = self._connection.layout.input(self._agent, task_id, "*")
        with contextlib.suppress(HubbubError):
            await self._connection.api(f"STREAM.PURGE.{WAKE}", {"filter": subject})

    async def _refuse(self, delivery: Delivery, reason: str) -> None:
        """Bury what no handler may see."""
        task_id = f"s{delivery.sequence}"
        with contextlib.suppress(InvalidMessage):
            task_id = check_message_id(delivery.message_id)
        log.warning("%s: message %d: %s", self._agent, delivery.sequence, reason)
        await bury(self._connection, self._agent, task_id, delivery, reason=reason, errors=[])
        await self._inbox.acknowledge(delivery)


def _tell(message: AgentMessage, task_id: str, what: str, **facts: Any) -> None:
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": message, "task_id": task_id, **facts})
