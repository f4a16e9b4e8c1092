"""The way of one delivery: claimed, worked on, logged, reported, acknowledged (DESIGN section 5).

The order at the end is always the same: final event, dead letter if failed, completion to the
sender, acknowledgement. A redelivery that finds a final event repeats the last three.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage, Reject, Retry
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.completion import report_completion
from hubbub.mesh.connection import Connection
from hubbub.mesh.deadletters import bury
from hubbub.mesh.headers import ORIGIN, parse_origin
from hubbub.mesh.inbox import Delivery, Inbox
from hubbub.mesh.leases import LeaseKeeper
from hubbub.mesh.puller import open_puller
from hubbub.mesh.service import Service, Work
from hubbub.mesh.tasklog import Fenced, TaskLog, read_log
from hubbub.wire.codec import JSON, check_json, encode
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.events import EventKind, TaskSnapshot, TaskState, fold
from hubbub.wire.names import ANONYMOUS, agent_token, check_message_id
from hubbub.wire.subjects import parse

__all__ = ["Executor", "task_id_of"]

activity_log = logging.getLogger("hubbub.activity")
log = logging.getLogger("hubbub.tasks")

_LONGEST_BACKOFF_SECONDS = 60.0
_ERROR_CHARACTERS = 2_000


def task_id_of(delivery: Delivery, message: AgentMessage) -> str:
    """Return the id of the task that a delivery opens, the same on every redelivery."""
    if delivery.message_id == message.message_id:
        return message.message_id
    return f"s{delivery.sequence}"


@dataclass(frozen=True, slots=True)
class _End:
    """How an attempt ended: the event to write, and what comes after it."""

    kind: EventKind
    data: dict[str, Any]
    again_after: float | None = None


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
        self._handlers: dict[str, tuple[asyncio.Task[JSON], Work]] = {}
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

    def cancel(self, task_id: str) -> bool:
        """Stop the handler of a task, if it runs here."""
        found = self._handlers.get(task_id)
        if found is None:
            return False
        handler, work = found
        work.canceled.set()
        handler.cancel()
        return True

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

    async def _work_off(self, delivery: Delivery) -> None:
        try:
            message = self._read(delivery)
        except InvalidMessage as error:
            await self._refuse(delivery, f"not a message: {error}")
            return
        task_id = task_id_of(delivery, message)
        tasklog = TaskLog(self._connection, self._agent, task_id)
        before = TaskSnapshot()
        if delivery.deliveries > 1:
            before = await self._recall(tasklog, task_id)
        attempt = before.attempts + 1
        try:
            if before.state.is_final:
                await self._close(delivery, message, task_id, before)
                return
            if before.inbox_sequence not in (0, delivery.sequence):
                await self._inbox.acknowledge(delivery)  # the same message, stored twice
                return
            if attempt > self._connection.config.max_attempts:
                end = _End(EventKind.FAILED, {"error": _exhausted(before)})
                await self._finish(delivery, message, task_id, tasklog, before, end)
                return
            if tasklog.head and await self._cancel_waits(task_id):
                end = _End(EventKind.CANCELED, {"error": "canceled while no process worked on it"})
                await self._finish(delivery, message, task_id, tasklog, before, end)
                return
            await self._claim(delivery, message, tasklog, attempt)
        except Fenced:
            if delivery.deliveries > 1:
                raise
            # First delivery, yet there is a log: canceled before the claim, or stored twice.
            before = await self._recall(tasklog, task_id)
            if before.state.is_final:
                await self._close(delivery, message, task_id, before)
            else:
                await self._inbox.acknowledge(delivery)
            return
        except InvalidMessage as error:
            await self._refuse(delivery, f"it leaves no room for its log: {error}")
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
            raise InvalidMessage(f"a {message.message_type} sets no agent to work")
        if self._connection.layout.secured and agent_token(message.from_agent) != sender:
            raise InvalidMessage(f"it says it is from {message.from_agent!r}, but {sender} sent it")
        return message

    async def _recall(self, tasklog: TaskLog, task_id: str) -> TaskSnapshot:
        """Read what is known of a task, and go on writing behind it."""
        events = await read_log(self._connection, self._agent, task_id)
        if events:
            tasklog.head = events[-1][0]
        return fold(event for _, event in events)

    async def _claim(
        self, delivery: Delivery, message: AgentMessage, tasklog: TaskLog, attempt: int
    ) -> None:
        await tasklog.append(
            EventKind.CLAIMED,
            {
                "message": message.to_builtins(),
                "inbox_sequence": delivery.sequence,
                "instance": self._instance,
                "attempt": attempt,
            },
        )

    # One attempt

    async def _attempt(
        self,
        delivery: Delivery,
        message: AgentMessage,
        task_id: str,
        tasklog: TaskLog,
        attempt: int,
    ) -> _End:
        async def record(kind: str, data: dict[str, Any]) -> None:
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
        try:
            # Not `await handler`: that would pass a cancellation of ours on to it unseen.
            await asyncio.wait({handler})
        except asyncio.CancelledError:
            handler.cancel()
            await asyncio.wait({handler})
            raise
        finally:
            del self._handlers[task_id]
        return self._end_of(handler, work)

    def _end_of(self, handler: asyncio.Task[JSON], work: Work) -> _End:
        if handler.cancelled():
            if work.canceled.is_set():
                return _End(EventKind.CANCELED, {"error": "canceled on request"})
            if self._releasing:
                return _End(EventKind.RELEASED, {"reason": "the process is going away"}, 0.0)
            return _End(EventKind.CANCELED, {"error": "the handler canceled itself"})
        error = handler.exception()
        if isinstance(error, Reject):
            return _End(EventKind.REJECTED, {"error": _describe(error)})
        if isinstance(error, Exception):
            return self._failure(error, work.attempt)
        if error is not None:
            raise error
        return self._completion(handler.result())

    def _completion(self, result: JSON) -> _End:
        try:
            check_json(result, what="the result", depth=2)
            size = len(encode(result))
        except InvalidMessage as error:
            return _End(EventKind.FAILED, {"error": f"the handler's result cannot travel: {error}"})
        if size > self._connection.max_content:
            reason = f"the result has {size:,} bytes, more than the NATS server takes"
            return _End(EventKind.FAILED, {"error": reason})
        return _End(EventKind.COMPLETED, {"result": result})

    def _failure(self, error: Exception, attempt: int) -> _End:
        config = self._connection.config
        reason = _describe(error)
        if not isinstance(error, Retry):
            log.warning("%s: attempt %d failed: %s", self._agent, attempt, reason, exc_info=error)
        if attempt >= config.max_attempts:
            return _End(EventKind.FAILED, {"error": reason})
        after = error.after if isinstance(error, Retry) else None
        if after is None:
            backoff = config.retry_seconds * 2 ** (attempt - 1)
            after = min(backoff, _LONGEST_BACKOFF_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311
        data = {"error": reason, "attempt": attempt, "after": round(after, 3)}
        return _End(EventKind.RETRYING, data, after)

    async def _cancel_waits(self, task_id: str) -> bool:
        """Tell whether somebody asked for the end of a task while its process was dead."""
        subject = self._connection.layout.input(self._agent, task_id, "cancel")
        message = await self._connection.request(f"$JS.API.DIRECT.GET.WAKE.{subject}")
        return not (message.headers or {}).get("Status")

    # The end

    async def _finish(
        self,
        delivery: Delivery,
        message: AgentMessage,
        task_id: str,
        tasklog: TaskLog,
        before: TaskSnapshot,
        end: _End,
    ) -> None:
        await tasklog.append(end.kind, end.data)
        _tell(message, task_id, end.kind, error=end.data.get("error"))
        if end.again_after is not None:
            await self._inbox.give_back(delivery, after=end.again_after)
            return
        error = str(end.data.get("error", ""))
        after = TaskSnapshot(
            state=TaskState(str(end.kind)),
            result=end.data.get("result"),
            error=error,
            errors=[*before.errors, *([error] if error else [])],
        )
        await self._close(delivery, message, task_id, after)

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
                errors=end.errors,
            )
        await report_completion(
            self._connection,
            self._service.card.name,
            message,
            task_id,
            end,
            origin=parse_origin(delivery.headers.get(ORIGIN)),
        )
        await self._inbox.acknowledge(delivery)

    async def _refuse(self, delivery: Delivery, reason: str) -> None:
        """Bury what no handler may see."""
        task_id = f"s{delivery.sequence}"
        with contextlib.suppress(InvalidMessage):
            task_id = check_message_id(delivery.message_id)
        log.warning("%s: message %d: %s", self._agent, delivery.sequence, reason)
        await bury(self._connection, self._agent, task_id, delivery, reason=reason, errors=[])
        await self._inbox.acknowledge(delivery)


def _describe(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if not isinstance(error, HubbubError):
        text = f"{type(error).__name__}: {text}"
    return text[:_ERROR_CHARACTERS]


def _exhausted(before: TaskSnapshot) -> str:
    if before.errors:
        return before.errors[-1]
    return f"the process died in each of {before.attempts} attempts"


def _tell(message: AgentMessage, task_id: str, what: str, **facts: Any) -> None:
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": message, "task_id": task_id, **facts})
