"""Durable steps: work that is done once, however often its task is begun anew (DESIGN 5.12)."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import random as randomness
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar, cast, overload

from hubbub.agents.recorded import Recorded
from hubbub.agents.threads import DaemonThreads
from hubbub.agents.values import as_json, from_json
from hubbub.errors import HubbubError, Retry, StepInterrupted
from hubbub.mesh.durable.branches import Branch, Call, here
from hubbub.mesh.durable.notes import STEERING, read_notes
from hubbub.mesh.durable.run import Run
from hubbub.wire import clock
from hubbub.wire.codec import encode

__all__ = ["Steps"]

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
# A quicker step is on record when it has ended, and costs one write.
_QUICK_SECONDS = 0.05

# Steps wait for steps inside of them: with few threads, they would wait for one another.
_MOST_THREADS = 10_000
_threads = DaemonThreads(_MOST_THREADS, name="step")

_step_key: ContextVar[str] = ContextVar("hubbub_step_key", default="")


class Steps(Recorded):
    """The durable calls of a task; part of `Task`."""

    @overload
    def step(
        self,
        function: Callable[..., Awaitable[T]],
        *args: Any,
        name: str | None = None,
        retries: int = 0,
        once: bool = False,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, T]: ...

    @overload
    def step(
        self,
        function: Callable[..., T],
        *args: Any,
        name: str | None = None,
        retries: int = 0,
        once: bool = False,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, T]: ...

    def step(
        self,
        function: Callable[..., Any],
        *args: Any,
        name: str | None = None,
        retries: int = 0,
        once: bool = False,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, Any]:
        """Call a function, and put what it returns or raises on record.

        A step that is on record never runs again: another attempt gets what the first one got.
        One that was cut off before that does run again, with the same `step_key`.

        Args:
            function: sync or async; a sync one runs in a thread.
            *args: what it is called with.
            name: tells it from steps that run at the same time; its own name by default.
            retries: how often it is tried again when it fails, with growing pauses.
            once: rather not at all than twice: if it was cut off, `StepInterrupted` is raised.
            **kwargs: what it is called with.

        Returns:
            What the function returned, as JSON can carry it; with a return annotation it comes
            back as that type.

        Raises:
            Exception: what the function raised, now or when it ran.
            InvalidMessage: its result has no JSON form, or is too large.
            StepInterrupted: it was cut off, and is to run once only.
            StepMismatch: the task's record has something else here.
        """
        shown = name or getattr(function, "__name__", type(function).__name__)
        call = self.run.call("step", shown, named=name is not None)
        work = _Work(self.run, call, shown, function, args, kwargs, retries, once)
        return work.result()

    @property
    def step_key(self) -> str:
        """Within a step, a key that is the same whenever it runs: an idempotency key for others."""
        if key := _step_key.get():
            return key
        raise HubbubError("step_key is for functions that run as a step: `task.step(function)`")

    @contextlib.contextmanager
    def branch(self, name: str) -> Generator[None]:
        """Give what runs beside other things a record of its own, for the body of a `with`.

        Args:
            name: its name, which nothing that runs at the same time may have.
        """
        with self.run.branched(name):
            yield

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """Let time pass; for long times the task rests, and goes on in whatever process.

        Args:
            seconds: how long; days are fine.

        Raises:
            InvalidMessage: it is no such number.
        """
        clock.check_seconds("sleep", seconds)
        return self._slept(self.run.call("sleep"), seconds)

    async def _slept(self, call: Call, seconds: float) -> None:
        run = self.run
        if not run.is_kept:
            await asyncio.sleep(seconds)
            return
        run.waits.check()
        if call.key in run.recording.settled:
            return
        opened = run.recording.opened.get(call.key)
        if opened is None:
            until = clock.iso(clock.seconds() + seconds)
            opened = await run.put("sleeping", call, {"until": until})
        until = clock.read_iso(str(opened.data.get("until")))
        if await run.wait(call, until=until) is None:
            await run.settle("woken", call, {})

    def now(self) -> Coroutine[Any, Any, datetime]:
        """Return what time it is, in UTC; the same in every attempt."""
        return self._now(self.run.call("now"))

    async def _now(self, call: Call) -> datetime:
        async def read() -> dict[str, Any]:
            return {"time": clock.now()}

        facts = await self.run.once("now", call, read)
        return datetime.fromtimestamp(clock.read_iso(str(facts["time"])), UTC)

    def steering(self) -> Coroutine[Any, Any, list[str]]:
        """Return the notes that people have sent to the task since the last such call.

        What it returned is on record: in another attempt the same call returns the same. If there
        is nothing new it costs nothing.

        Returns:
            The texts, oldest first; for a request, none.

        Raises:
            HubbubError: beside the handler's own asyncio task it needs a `branch`.
            StepMismatch: the task's record has something else here.
        """
        run = self.run
        call = run.mark_in_order(STEERING)
        return read_notes(run, call, run.branch.calls)

    def random(self) -> randomness.Random:
        """Return random numbers that are the same in every attempt; not for secrets.

        Raises:
            HubbubError: beside the handler's own asyncio task it needs a `branch`.
        """
        run = self.run
        call = run.mark_in_order("random")
        return randomness.Random(f"{run.lineage.tasks[0]}\n{call.key}")  # noqa: S311


class _Work:
    """One step, while it is being done."""

    def __init__(
        self,
        run: Run,
        call: Call,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        retries: int,
        once: bool,
    ) -> None:
        self._run = run
        self._call = call
        self._name = name
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._tries = retries + 1
        self._once = once

    async def result(self) -> Any:
        facts = await self._run.once("step", self._call, self._made)
        return from_json(self._function, facts.get("result"))

    async def _made(self) -> dict[str, Any]:
        run, key = self._run, self._run.step_key(self._call)
        if self._once and run.is_kept:
            if self._call.key in run.recording.opened:
                raise StepInterrupted(self._name, key)
            await run.put("step_started", self._call, {"name": self._name})
        began = time.monotonic()
        inner = self._call.key.rpartition("/")[2]
        with run.branched(inner, is_step=True) as branch:
            token = _step_key.set(key)
            try:
                value = await self._persistently(branch)
            finally:
                _step_key.reset(token)
        facts = {"name": self._name, "result": as_json(self._function, value)}
        encode(facts)
        return {**facts, "seconds": round(time.monotonic() - began, 6)}

    async def _persistently(self, branch: Branch) -> Any:
        number = 0
        while True:
            number += 1
            branch.restart()
            try:
                return await self._tried(branch)
            except Exception as error:
                if number == self._tries or getattr(error, "is_permanent", False):
                    raise
                await self._pause(number, error)

    async def _tried(self, branch: Branch) -> Any:
        """Run the function once, and tell watchers that it is at it if that takes its time."""
        if not _is_async(self._function):
            function = functools.partial(self._in_thread, branch)
            context, loop = contextvars.copy_context(), asyncio.get_running_loop()
            call = loop.run_in_executor(_threads, lambda: context.run(function))
        else:
            call = self._function(*self._args, **self._kwargs)
        telling = asyncio.create_task(self._tell())
        try:
            value = await call
            if inspect.isawaitable(value):
                branch.owner = here()
                value = await value
            return value
        finally:
            telling.cancel()
            await asyncio.wait({telling})
            if not telling.cancelled():
                telling.exception()  # who has lost the task hears of it at the next write

    def _in_thread(self, branch: Branch) -> Any:
        branch.owner = here()
        try:
            return self._function(*self._args, **self._kwargs)
        except StopIteration as error:  # no future takes it: its waiter would wait for ever
            raise RuntimeError(f"the step raised {error!r}") from error

    async def _tell(self) -> None:
        await asyncio.sleep(_QUICK_SECONDS)
        run = self._run
        if run.is_kept and self._call.key not in run.recording.opened:
            await run.put("step_started", self._call, {"name": self._name})

    async def _pause(self, number: int, error: Exception) -> None:
        """Wait before the next try; what failed inside of the step is to be done again, too."""
        after = error.after if isinstance(error, Retry) else None
        if after is None:
            after = min(_FIRST_PAUSE_SECONDS * 2 ** (number - 1), _LONGEST_PAUSE_SECONDS)
        facts = {"name": self._name, "error": str(error), "after": after}
        mark = Call(f"{self._call.key}:try{number}", self._call.branch)
        await self._run.put("step_retrying", mark, {**facts, "forgets": self._run.forgets(error)})
        await asyncio.sleep(after)


def _is_async(function: Callable[..., Any]) -> bool:
    plain = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    return inspect.iscoroutinefunction(cast("Any", plain))
