"""What an agent works with, and its work as the mesh asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar, cast

import msgspec

from hubbub.agents.calling import Handler, listener_of
from hubbub.agents.rehearsing import rehearse
from hubbub.agents.task import Task
from hubbub.agents.threads import DaemonThreads
from hubbub.errors import ConnectionLost, HubbubError, SettingsError
from hubbub.mesh.activity import current_activity
from hubbub.mesh.composing import Line
from hubbub.mesh.limits import Limits
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.service import Listener, Request, Work
from hubbub.mesh.speaker import Speaker
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.replays import REPLAY

__all__ = ["Abilities"]

F = TypeVar("F", bound=Callable[..., Any])


class Abilities(Speaker):
    """The part of an agent that works: its functions or its runtime, called over a mesh."""

    card: AgentCard
    concurrency: int
    request_concurrency: int
    limits: Limits | None

    def __init__(self) -> None:
        self._run: Handler | None = None
        self._agentic_run: Handler | None = None
        self._on_message: Listener | None = None
        self._on_broadcast: Listener | None = None
        self._runtime: Any = None
        self._mesh: Mesh | None = None
        self._line_over: Line | None = None
        self._threads: DaemonThreads | None = None

    @property
    def name(self) -> str:
        """Display name."""
        return self.card.name

    def run(self, function: F) -> F:
        """Decorate the function that answers requests.

        Its argument follows its annotation (`str`, `AgentMessage` or `Task`; without one it is
        the `AgentMessage`). It may be sync, async, or a generator of the answer's pieces.
        """
        self._run = Handler(function, "message")
        return function

    def agentic_run(self, function: F) -> F:
        """Decorate the function that works on direct messages and handoffs.

        Its argument follows its annotation; without one it is the `Task`. What it returns, text
        or JSON, is the task's result.
        """
        self._agentic_run = Handler(function, "task")
        return function

    def on_message(self, function: F) -> F:
        """Decorate the function, sync or async, that hears responses and completions.

        What it sends belongs to the conversation of what it heard.
        """
        self._on_message = listener_of(function)
        return function

    def on_broadcast(self, function: F) -> F:
        """Decorate the function, sync or async, that hears what others broadcast."""
        self._on_broadcast = listener_of(function)
        return function

    def _think_with(self, runtime: object) -> None:
        # Runtimes are a layer above this one, and most agents have none.
        at_work: Any = import_module("hubbub.runtimes.at_work")
        chosen = self._runtime = at_work.as_runtime(runtime)
        if self.limits is None:
            self.limits = getattr(chosen, "limits", None)

        async def answer(task: Task) -> Any:
            return await at_work.answer(chosen, task)

        async def work(task: Task) -> Any:
            return await at_work.work(chosen, task)

        self._run, self._agentic_run = Handler(answer, "task"), Handler(work, "task")

    @property
    def line(self) -> Line:
        """What the agent speaks over while it is connected."""
        if self._line_over is None:
            raise self._not_connected()
        return self._line_over

    def _line(self) -> Line:
        return self.line

    def _not_connected(self) -> ConnectionLost:
        return ConnectionLost(
            f"{self.name} is not on the mesh yet: `await agent.connect_nats()`, "
            "`run_with_nats()` or `mesh.serve(agent)` first"
        )

    # What the mesh asks of a service

    @property
    def versions(self) -> Sequence[str] | None:
        """Which versions of its tasks it can go on with; None for all."""
        return None

    @property
    def message_listener(self) -> Listener | None:
        """Who hears responses and completions."""
        return self._on_message

    @property
    def broadcast_listener(self) -> Listener | None:
        """Who hears broadcasts."""
        return self._on_broadcast

    @contextlib.asynccontextmanager
    async def spoken_over(self, mesh: Mesh) -> AsyncGenerator[None]:
        """Speak over a mesh, and keep threads for sync handlers, while the context lasts."""
        if self._run is None and self._agentic_run is None:
            raise SettingsError(
                f"{self.name} has nothing to work with: decorate a function with "
                f"`@agent.run` or `@agent.agentic_run`"
            )
        if self._mesh is not None:
            raise ConnectionLost(
                f"{self.name} is on the mesh already: for a second instance make a second Agent"
            )
        self._mesh, self._line_over = mesh, mesh.speaking_as(self.name)
        self._threads = DaemonThreads(
            self.concurrency + self.request_concurrency, name=self.card.token
        )
        try:
            yield
        finally:
            if self._runtime is not None:
                await import_module("hubbub.runtimes.at_work").give_back(self._runtime)
            self._mesh = self._line_over = None
            # A sync handler that outlived its grace period cannot be stopped, only left behind.
            self._threads.shutdown()

    async def work(self, work: Work) -> JSON:
        """Do a task."""
        task = Task(
            self._line(),
            work.message,
            work.task_id,
            attempt=work.attempt,
            run=work.run,
            record=work.record,
            show=work.show,
            canceled=work.canceled,
            deadline=work.deadline,
        )
        result = await self._call(self._worker(work.version), task)
        if isinstance(result, AsyncIterator):
            return await _shown(cast("AsyncIterator[Any]", result), task)
        return result

    def _worker(self, version: str) -> Handler | None:  # noqa: ARG002 - for those who have several
        """Return the function that does a task that began with a version."""
        return self._agentic_run or self._run

    async def _rehearse(self, task_id: str) -> JSON:
        """Run a recorded task against the newest code, without side effects."""
        version = (self.versions or ("",))[0]

        async def work(task: Task) -> Any:
            return await self._call(self._worker(version), task)

        return msgspec.to_builtins(await rehearse(self.line, task_id, work, version=version))

    async def answer(self, request: Request) -> JSON | AsyncIterator[str]:
        """Answer a request."""
        message = request.message
        if isinstance(replayed := message.metadata.get(REPLAY), str):
            return await self._rehearse(replayed)
        task = Task(
            self._line(),
            message,
            message.message_id,
            streamed=request.streamed,
            timeout_seconds=request.timeout_seconds,
        )
        return await self._call(self._run or self._agentic_run, task)

    async def _call(self, handler: Handler | None, task: Task) -> Any:
        assert handler is not None  # noqa: S101 - see `spoken_over`
        assert self._threads is not None  # noqa: S101
        activity = current_activity()
        if activity is not None:
            activity.subject = task
        try:
            return await handler(task, self._threads)
        except (SystemExit, KeyboardInterrupt) as error:
            # One handler must not end the process in which others work.
            raise HubbubError(
                f"the handler raised {error!r}, and only the task ends of it"
            ) from error


async def _shown(pieces: AsyncIterator[Any], task: Task) -> str:
    """Show an answer while it is being made, and return it whole."""
    text = ""
    async for piece in pieces:
        await task.show(str(piece))
        text += str(piece)
    return text
