"""One attempt at a task: a handler at work, what it may write, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage, Reject, Retry
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.limits import Budget, Usage
from hubbub.mesh.service import Service, Work
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.verdict import End, Stop, described, verdict
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock
from hubbub.wire.codec import JSON, encode
from hubbub.wire.events import EventKind

__all__ = ["Attempt"]

log = logging.getLogger("hubbub.tasks")

_OURS = frozenset(EventKind)


class Attempt:
    """Runs the handler of a service for one job; see `run`.

    Args:
        connection: the mesh.
        service: whose handler it is.
        job: what is to be done.
    """

    def __init__(self, connection: Connection, service: Service, job: Job) -> None:
        self._connection = connection
        self._service = service
        self._job = job
        self._stopped: Stop | None = None
        self._handler: asyncio.Task[JSON] | None = None
        self._work = Work(
            job.message,
            job.task_id,
            job.attempt,
            self._record,
            self._show,
            deadline=job.timing.deadline,
        )

    @property
    def task_id(self) -> str:
        """The task that is worked on."""
        return self._job.task_id

    def stop(self, why: Stop) -> None:
        """Let the handler end as soon as it can; what it was stopped for first decides."""
        if self._stopped is None or why is Stop.CANCELED:
            self._stopped = why
        if why is not Stop.RELEASED:
            self._work.canceled.set()
        if self._handler is not None:
            self._handler.cancel()

    async def run(self) -> End:
        """Let the handler work, and return what came of it.

        Raises:
            Fenced: the task has another owner by now.
        """
        job = self._job
        activity = Activity(
            agent=self._service.card.name,
            message=job.message,
            task_id=job.task_id,
            origin=job.origin,
            record=self._record,
            deadline=job.timing.deadline,
            budget=self._budget(),
        )
        with acting(activity):
            handler = asyncio.create_task(
                self._service.work(self._work), name=f"task {self.task_id}"
            )
        self._handler = handler
        if self._stopped is not None:
            handler.cancel()
        try:
            # Not `await handler`: that would pass a cancellation of ours on to it unseen.
            while not handler.done():
                await asyncio.wait({handler}, timeout=self._seconds_left())
                if not handler.done() and job.timing.deadline <= clock.seconds():
                    self.stop(Stop.DEADLINE)
                    await asyncio.wait({handler})
        except asyncio.CancelledError:
            handler.cancel()
            await asyncio.wait({handler})
            raise
        finally:
            activity.record = None  # it may still send, as part of the same conversation
        if not handler.cancelled() and isinstance(error := handler.exception(), Exception):
            self._complain(error)
        return verdict(
            self._connection,
            handler,
            attempt=job.attempt,
            stopped=self._stopped,
            deadline=job.timing.deadline,
        )

    def _budget(self) -> Budget | None:
        """Open the account of this attempt with what earlier ones have used."""
        limits, before = self._service.limits, self._job.before
        if limits is None:
            return None
        age = clock.seconds() - clock.read_iso(before.created_at) if before.created_at else 0.0
        return Budget(
            limits,
            used=Usage(
                before.usage.get("requests", 0),
                before.usage.get("input_tokens", 0),
                before.usage.get("output_tokens", 0),
            ),
            sent={message_id for _, message_id in before.sent},
            started=time.monotonic() - max(age, 0.0),
        )

    def _seconds_left(self) -> float | None:
        deadline = self._job.timing.deadline
        return None if deadline == float("inf") else clock.seconds_until(deadline)

    async def _record(self, kind: str, data: dict[str, Any]) -> None:
        if kind in _OURS:
            raise InvalidMessage(
                f"{kind!r} is an event that Hubbub writes itself: use another word for this one"
            )
        # What a handler left running has no place in the log: its end is written there.
        if self._handler is None or self._handler.done():
            raise HubbubError(f"attempt {self._job.attempt} at task {self.task_id} has ended")
        await self._job.log.append(kind, data)

    async def _show(self, text: str) -> None:
        subject = self._connection.layout.live(self._service.card.token, self.task_id)
        facts = {"attempt": self._job.attempt, "text": text}
        await self._connection.publish(subject, encode(facts))

    def _complain(self, error: Exception) -> None:
        """Log a failure with its trace; what a handler raises on purpose is none."""
        if not isinstance(error, Retry | Reject):
            agent, attempt = self._service.card.token, self._job.attempt
            log.warning(
                "%s: attempt %d failed: %s", agent, attempt, described(error), exc_info=error
            )
