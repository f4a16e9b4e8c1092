"""One attempt at a task: a handler at work, what it may write, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage, Reject, Retry
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.durable.run import Run
from hubbub.mesh.limits import Budget, Usage
from hubbub.mesh.service import Service, Work
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.verdict import End, Stop, described, verdict
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock
from hubbub.wire.codec import JSON, encode
from hubbub.wire.events import FINAL_KINDS, EventKind
from hubbub.wire.inputs import settling
from hubbub.wire.recording import OPENING_KINDS, SETTLING_KINDS, STEERED, TAKEN_OVER

__all__ = ["Attempt"]

log = logging.getLogger("hubbub.tasks")

_ABOUT_CALLS = {"sent", "unsent", "told", "step_retrying", STEERED, TAKEN_OVER}
_OURS = frozenset(EventKind) | OPENING_KINDS | SETTLING_KINDS | _ABOUT_CALLS
_UNWIND_SECONDS = 1.0


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
        self._resting: asyncio.Task[None] | None = None
        self._canceled = asyncio.Event()
        self._run = Run(service.card.name, job.task_id, job.recording, job.log.append)
        self._run.rests_for_others = service.versions is not None

    @property
    def task_id(self) -> str:
        """The task that is worked on."""
        return self._job.task_id

    def stop(self, why: Stop) -> None:
        """Let the handler end as soon as it can; what it was stopped for first decides."""
        if self._stopped is why:
            return  # told again: its clean-up must not be cut off
        if self._stopped is None or why is Stop.CANCELED:
            self._stopped = why
        if why is not Stop.RELEASED:
            self._canceled.set()
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
            run=self._run,
            owner=job.owner,
            deadline=job.timing.deadline,
            budget=self._budget(),
        )
        self._run.waits.watch(self._on_waiting)
        with acting(activity):
            handler = asyncio.create_task(
                self._service.work(self._described()), name=f"task {self.task_id}"
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
            self._run.waits.end()
            # It may still send, as part of the same conversation. What is let go of here would
            # keep everything about the task alive until the collector of cycles comes by.
            activity.run = activity.subject = None
            self._run.waits.watch(None)
            if self._resting is not None:
                self._resting.cancel()
                await asyncio.wait({self._resting})
        if not handler.cancelled() and isinstance(error := handler.exception(), Exception):
            self._complain(error)
        end = verdict(
            self._connection,
            handler,
            attempt=job.attempt,
            stopped=self._stopped,
            deadline=job.timing.deadline,
            run=self._run,
        )
        if end.kind in FINAL_KINDS and (untold := self._run.notes.facts()):
            return replace(end, data={**end.data, **untold})
        return end

    @property
    def lease_sequence(self) -> int:
        """The place of the input that is its lease, 0 if its message is."""
        return self._job.delivery.sequence if self._job.is_awake else 0

    @property
    def times(self) -> dict[str, float]:
        """The calls whose time will come, and when; for a run that has come to rest."""
        return self._run.waits.times()

    async def take_in(self, key: str, data: bytes) -> bool:
        """Take in an input of the task; tell whether it has been dealt with.

        Raises:
            Fenced: the task has another owner by now.
            InvalidMessage: it is none of ours.
            ConnectionLost: the server does not confirm it.
        """
        return await self._run.take_in(lambda: settling(key, data, self._run.recording))

    def _described(self) -> Work:
        """Return what the handler is given."""
        job, versions = self._job, self._service.versions or ("",)
        return Work(
            job.message,
            job.task_id,
            job.attempt,
            self._run,
            self._record,
            self._show,
            version=job.before.version if job.before.created_at else versions[0],
            deadline=job.timing.deadline,
            canceled=self._canceled,
        )

    def _on_waiting(self) -> None:
        self._resting = asyncio.create_task(self._rest(), name=f"task {self.task_id} at rest")

    async def _rest(self) -> None:
        """Unwind the handler when nothing in it can go on by itself."""
        await self._run.waits.until_at_rest()
        self._run.waits.park()
        if self._handler is not None:
            _, unmoved = await asyncio.wait({self._handler}, timeout=_UNWIND_SECONDS)
            if unmoved:
                self._handler.cancel()  # it waits for something that is not on record

    def _budget(self) -> Budget | None:
        """Open the account of this attempt with what earlier ones have used."""
        limits, before = self._service.limits, self._job.before
        if limits is None:
            return None
        age = clock.seconds() - clock.read_iso(before.created_at) if before.created_at else 0.0
        age -= self._job.recording.seconds_at_rest  # while others think, it uses nothing
        return Budget(
            limits,
            used=Usage(
                before.usage.get("requests", 0),
                before.usage.get("input_tokens", 0),
                before.usage.get("output_tokens", 0),
            ),
            sent={message_id for _, message_id in before.sent} | self._job.recording.adopted,
            started=time.monotonic() - max(age, 0.0),
        )

    def _seconds_left(self) -> float | None:
        deadline = self._job.timing.deadline
        return None if deadline == float("inf") else clock.seconds_until(deadline)

    def _record(self, kind: str, data: dict[str, Any]) -> Coroutine[Any, Any, None]:
        if kind in _OURS:
            raise InvalidMessage(
                f"{kind!r} is an event that Hubbub writes itself: use another word for this one"
            )
        # What a handler left running has no place in the log: its end is written there.
        if self._handler is None or self._handler.done():
            raise HubbubError(f"attempt {self._job.attempt} at task {self.task_id} has ended")
        return self._run.mark(kind, data)

    async def _show(self, text: str, *, key: str = "", offset: int = 0) -> None:
        subject = self._connection.layout.live(self._service.card.token, self.task_id)
        # Whoever follows hears of it another way than of the log, and perhaps sooner.
        facts: dict[str, Any] = {
            "attempt": self._job.attempt,
            "text": text,
            "after": self._job.log.head,
        }
        if key:
            facts |= {"key": key, "offset": offset}
        await self._connection.publish(subject, encode(facts))

    def _complain(self, error: Exception) -> None:
        """Log a failure with its trace; what a handler raises on purpose is none."""
        if not isinstance(error, Retry | Reject):
            agent, attempt = self._service.card.token, self._job.attempt
            log.warning(
                "%s: attempt %d failed: %s", agent, attempt, described(error), exc_info=error
            )
