"""The run of a handler: every durable call goes through here, and is made once for all attempts."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.durable.branches import Branch, Call, here
from hubbub.mesh.durable.calls import Calls
from hubbub.mesh.durable.causes import Causes
from hubbub.mesh.durable.failures import raised_again, told
from hubbub.mesh.durable.notes import Notes
from hubbub.mesh.durable.waiting import Waits
from hubbub.wire.codec import check_json, encode
from hubbub.wire.events import TaskEvent
from hubbub.wire.recording import Recording

__all__ = ["Append", "Run"]

Append = Callable[[str, dict[str, Any]], Awaitable[TaskEvent]]
"""Writes the next event of the task's log."""


class Run(Calls):
    """What the attempts at one task have in common.

    Args:
        agent: display name of the agent that works on it.
        task_id: the task.
        recording: what is on record.
        append: writes to the log; None where there is none, as for a request. Then calls are
            made and not kept, and nobody can be waited for.

    Attributes:
        waits: who waits for what.
        notes: what its handler has been told.
        rests_for_others: whether it comes to rest while it waits for a task that it has opened. A
            handler that is no workflow does not expect to be called again for that.
        is_replaying: whether the last model call was one on record: what it brings is known.
    """

    def __init__(
        self, agent: str, task_id: str, recording: Recording, append: Append | None
    ) -> None:
        super().__init__(agent, task_id, recording, is_kept=append is not None)
        self.waits = Waits()
        self.notes = Notes()
        self.rests_for_others = False
        self.is_replaying = False
        self._append = append
        self._causes = Causes()
        self._settling = asyncio.Lock()

    @property
    def is_rehearsed(self) -> bool:
        """Whether nothing may be done: only what is on record is gone through."""
        return False

    def begin(self, call: Call) -> None:
        """Called before anything is done that is not on record; a rehearsal ends here."""

    async def put(self, kind: str, call: Call, data: dict[str, Any]) -> TaskEvent:
        """Put an event of a call on record.

        Raises:
            RunParked: the run has come to rest.
            InvalidMessage: the event is no JSON, or larger than the server takes.
        """
        self.waits.check()
        if self._append is None:
            return TaskEvent(kind=kind, data={**data, **call.facts})
        untold = self.notes.facts()
        with self.waits.working():
            event = await self._append(kind, {**data, **untold, **call.facts})
        self.notes.have_told(untold)
        self.recording.add(event)
        return event

    def mark(self, kind: str, data: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Put something on record that has no outcome, such as what was said, once.

        Raises:
            InvalidMessage: it is no JSON.
        """
        check_json(data, what=f"the {kind} event", depth=1)
        content = encode(data) if self.branch.owner is not here() else b""
        return self._mark(kind, self.branch.mark(kind, content=content), data)

    async def _mark(self, kind: str, call: Call, data: dict[str, Any]) -> None:
        self.waits.check()
        if call.key in self.recording.marks:
            self.showing(call, data)
        else:
            await self.put(kind, call, data)

    def showing(self, call: Call, data: dict[str, Any]) -> None:
        """Called for what has been shown in an earlier attempt."""

    async def once(
        self,
        kind: str,
        call: Call,
        make: Callable[[], Awaitable[dict[str, Any]]],
        *,
        optional: bool = False,
    ) -> dict[str, Any]:
        """Return the facts of a call's outcome: those on record, or else what it now comes to.

        Args:
            kind: the event that settles it.
            call: the call.
            make: makes it; what it returns is put on record, and what it raises as well.
            optional: whether an outcome that is too large for the record is passed on all the
                same, so that the call is made again after a crash.

        Raises:
            Exception: whatever the call raised, now or in an earlier attempt.
            InvalidMessage: its outcome cannot be put on record.
        """
        self.waits.check()
        settled = self.recording.settled.get(call.key)
        if settled is not None:
            return self.outcome(call, settled)
        self.begin(call)
        with self.waits.working():
            try:
                facts = await make()
            except Exception as error:
                if not self.is_kept:
                    raise
                await self._put_error(kind, call, error)
                raise
            try:
                await self.put(kind, call, facts)
            except InvalidMessage as error:
                if not optional:
                    refusal = InvalidMessage(
                        f"{call.key} has been done, but what it came to cannot be put on record, "
                        f"and so it is not done again: {error}"
                    )
                    await self._put_error(kind, call, refusal)
                    raise refusal from None
        return facts

    async def _put_error(self, kind: str, call: Call, error: Exception) -> None:
        """Put on record what a call has raised, as far as the log takes that."""
        led = self.note_raised(call, error)
        facts: dict[str, Any] = {"led": led} if led else {}
        try:
            await self.put(kind, call, {**facts, "error": told(error)})
        except InvalidMessage:
            await self.put(kind, call, {"error": told(error, briefly=True)})

    async def once_by_content(
        self, kind: str, content: bytes, make: Callable[[], Awaitable[dict[str, Any]]]
    ) -> tuple[dict[str, Any], bool]:
        """Return the facts of a call that is known by its content, wherever it is made.

        Args:
            kind: the event that settles it.
            content: what tells it from others; equal calls are told apart by their number.
            make: makes it.

        Returns:
            The facts, and whether they were on record.

        Raises:
            Exception: whatever the call raises; that is not put on record.
        """
        self.waits.check()
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        call = self.branch.mark(f"{kind}:{digest}")
        settled = self.recording.settled.get(call.key)
        self.is_replaying = settled is not None
        if settled is not None:
            return self.outcome(call, settled), True
        self.begin(call)
        with self.waits.working():
            facts = await make()
            with contextlib.suppress(InvalidMessage):  # too large to be kept: made again if need be
                await self.put(kind, call, facts)
        return facts, False

    def outcome(self, call: Call, settled: TaskEvent) -> dict[str, Any]:
        """Return the facts of a settled call, or raise what it raised."""
        record = settled.data.get("error")
        if settled.kind not in ("step", "replied") or not isinstance(record, dict):
            return settled.data
        error = raised_again(record)  # pyright: ignore[reportUnknownArgumentType]
        led = settled.data.get("led")
        self.note_raised(call, error, led if isinstance(led, list) else None)  # pyright: ignore[reportUnknownArgumentType]
        raise error

    async def wait(
        self, call: Call, *, until: float = math.inf, timer: Call | None = None
    ) -> TaskEvent | None:
        """Wait for what settles an open call; None when its time has come first.

        Args:
            call: the call.
            until: when its time comes, in seconds since 1970.
            timer: the call whose time that is, if it is not the same.

        Raises:
            RunParked: the run comes to rest.
            HubbubError: nobody can be waited for while a request is being answered.
        """
        settled = self.recording.settled.get(call.key)
        if settled is not None:
            self.outcome(call, settled)
            return settled
        if not self.is_kept:
            raise HubbubError(
                "a request cannot wait for a person: send a direct message, which opens a task"
            )
        return await self.waits.wait(
            call.key,
            until=until,
            steps=self._steps_around(),
            timer=None if timer is None else timer.key,
        )

    def _steps_around(self) -> list[Branch]:
        """Return the steps that the caller is inside of."""
        found, branch = list[Branch](), self.branch
        while branch is not None:
            if branch.is_step:
                found.append(branch)
            branch = branch.inside
        return found

    async def settle(self, kind: str, call: Call, data: dict[str, Any]) -> TaskEvent:
        """Settle a call from inside, such as when its time has come, unless it is settled by now.

        Returns:
            The event that settles it: who was first wins.
        """
        with self.waits.working():
            async with self._settling:
                settled = self.recording.settled.get(call.key)
                if settled is not None:
                    return settled
                event = await self.put(kind, call, data)
                # What comes from outside later is of no use any more, and wakes nobody.
                self.waits.settle(call.key, event)
                return event

    async def take_in(self, make: Callable[[], tuple[str, dict[str, Any]] | None]) -> bool:
        """Put on record what settles a call from outside, and let whoever waits for it go on.

        Args:
            make: returns kind and facts of the event; None if nothing waits for it any more.

        Returns:
            Whether the input has been dealt with; not if the run is coming to rest, for then it
            is to wake it.
        """
        if self._append is None or self.waits.is_parked:
            return False
        # At work until it is on record: a run that rests meanwhile would never hear of it.
        with self.waits.working():
            async with self._settling:
                found = make()
                if found is not None:
                    event = await self._append(*found)
                    self.recording.add(event)
                    self.waits.settle(str(event.data.get("key")), event)
        return True

    # Failures

    def note_raised(
        self, call: Call, error: BaseException, led: list[str] | None = None
    ) -> list[str]:
        """Remember which call an exception came from; see `Causes.note`."""
        return self._causes.note(call, error, led)

    def forgets(self, error: BaseException) -> list[str]:
        """Return the calls whose failure led to an error, so that they are made again."""
        return self._causes.behind(error)
