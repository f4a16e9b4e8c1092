"""An agent: a name on the mesh, and the functions that work under it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, TypeVar, cast

import msgspec

from hubbub.agents.calling import Argument, Handler, listener_of
from hubbub.agents.rehearsing import rehearse
from hubbub.agents.session import Session
from hubbub.agents.task import Task
from hubbub.agents.threads import DaemonThreads
from hubbub.errors import ConnectionLost, HubbubError, SettingsError
from hubbub.mesh.activity import current_activity
from hubbub.mesh.composing import Line
from hubbub.mesh.limits import Limits
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.rates import RateLimits
from hubbub.mesh.service import Listener, Request, Work
from hubbub.mesh.speaker import Speaker
from hubbub.settings import NATSConfig
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.replays import REPLAY

__all__ = ["Agent"]

F = TypeVar("F", bound=Callable[..., Any])


class Agent(Speaker):
    """A named member of the mesh.

    Give it at least one of the two abilities: `run` answers requests, `agentic_run` works on
    direct messages and handoffs. With only one of them, that one serves both.

    Args:
        name: display name; see `InvalidAgentName` for what may be one.
        description: one sentence for people and models.
        capabilities: words to find it by.
        tools: names of the tools it uses.
        model: the model it thinks with, if any.
        version: its own version.
        concurrency: how many tasks one process works on at the same time.
        request_concurrency: how many requests one process answers at the same time.
        rate_limit: how often a second one process may be set to work, by tasks and requests
            together; as many may come at once after a pause. A request above it is refused with
            `RateLimited`, a task waits.
        sender_rate_limit: the same, for each sender.
        limits: what each task, over all its attempts, and each request may use.
        runtime: answers requests and works on tasks in place of functions: a `ToolLoop`, what
            `from_autogen`, `from_ag2` or `from_pydantic_ai` return, or an agent or a team of one
            of these frameworks as it is. Its events are in the tasks' logs, its questions asked
            by the tasks; without `limits`, those of the runtime hold.
        lease_seconds: its lease, if it is not that of the settings.
        config: the settings; by default those of the environment and the files.

    Raises:
        InvalidAgentName: the name cannot be a subject token.
        TypeError: the runtime is none.
    """

    def __init__(
        self,
        name: str,
        *,
        description: str = "",
        capabilities: Iterable[str] = (),
        tools: Iterable[str] = (),
        model: str | None = None,
        version: str = "",
        concurrency: int = 1,
        request_concurrency: int = 16,
        rate_limit: float | None = None,
        sender_rate_limit: float | None = None,
        limits: Limits | None = None,
        runtime: object | None = None,
        lease_seconds: float | None = None,
        config: NATSConfig | None = None,
    ) -> None:
        self.card = AgentCard(
            name=name,
            description=description,
            capabilities=list(capabilities),
            tools=list(tools),
            model=model,
            version=version,
        )
        for number in (concurrency, request_concurrency):
            if type(number) is not int or number < 1:
                raise SettingsError(
                    "concurrency and request_concurrency must be whole numbers, at least 1"
                )
        if lease_seconds is not None and not 0 < lease_seconds < math.inf:
            raise SettingsError("lease_seconds must be more than 0")
        for rate in (rate_limit, sender_rate_limit):
            if rate is not None and not 0 < rate < math.inf:
                raise SettingsError("rate_limit and sender_rate_limit must be more than 0 a second")
        self.concurrency = concurrency
        self.request_concurrency = request_concurrency
        self.rates = RateLimits(rate_limit, sender_rate_limit)
        self.limits = limits
        self.lease_seconds = lease_seconds
        self.config = config
        self._run: Handler | None = None
        self._agentic_run: Handler | None = None
        self._on_message: Listener | None = None
        self._on_broadcast: Listener | None = None
        self._mesh: Mesh | None = None
        self._session: Session | None = None
        self._threads: DaemonThreads | None = None
        self._runtime: Any = None
        if runtime is not None:
            self._think_with(runtime)

    @classmethod
    def of(cls, target: Any, *, name: str | None = None, default: Argument = "text") -> Agent:
        """Return an agent for an object that has `run` or `agentic_run`, or for a function.

        Args:
            target: the object; its `name`, `description` and `capabilities` are used if it has
                them. An agent is returned as it is.
            name: the agent's name, if it is not the object's.
            default: what a handler without an annotation gets.

        Raises:
            TypeError: it has nothing to work with.
        """
        if isinstance(target, Agent):
            return target
        run, agentic_run = (getattr(target, ability, None) for ability in ("run", "agentic_run"))
        if run is None and agentic_run is None:
            if not callable(target):
                raise TypeError(f"{target!r} is no agent: it needs a method `run` or `agentic_run`")
            run = target
        own_name = name or getattr(target, "name", None) or getattr(target, "__name__", None)
        agent = cls(
            own_name or type(target).__name__,
            description=getattr(target, "description", "") or "",
            capabilities=getattr(target, "capabilities", ()) or (),
        )
        if run is not None:
            agent._run = Handler(run, default)
        if agentic_run is not None:
            agent._agentic_run = Handler(agentic_run, default)
        return agent

    @property
    def name(self) -> str:
        """Display name."""
        return self.card.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

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

    # Abilities

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

    # On the mesh

    async def run_with_nats(
        self,
        *,
        capabilities: Iterable[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Serve the agent on a connection of its own, until SIGTERM or Ctrl-C.

        Args:
            capabilities: replaces those it was made with.
            description: replaces the one it was made with.

        Raises:
            ConnectionLost: no server answers, or it refuses us.
        """
        await self.connect_nats(capabilities=capabilities, description=description)
        try:
            await self.until_stopped()
        finally:
            await self.disconnect_nats()

    async def until_stopped(self) -> None:
        """Wait, while connected, for SIGTERM or Ctrl-C."""
        if self._session is None:
            raise self._not_connected()
        await self._session.until_stopped()

    async def connect_nats(
        self,
        *,
        capabilities: Iterable[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Join the mesh on a connection of its own; `disconnect_nats` leaves it.

        Args:
            capabilities: replaces those it was made with.
            description: replaces the one it was made with.

        Raises:
            ConnectionLost: no server answers, or it refuses us.
        """
        if self._session is not None:
            raise ConnectionLost(f"{self.name} is connected already")
        self._describe(capabilities, description)
        self._session = Session(self, self.config)
        try:
            await self._session.start()
        except BaseException:
            self._session = None
            raise

    async def disconnect_nats(self) -> None:
        """Leave the mesh; running work may finish within the grace period."""
        session, self._session = self._session, None
        if session is not None:
            await session.stop()

    async def announce_presence(self, status: str | None = None) -> None:
        """Announce the agent to everybody once more.

        Args:
            status: a word on how it is, such as `busy`.
        """
        if self._mesh is None:
            raise self._not_connected()
        await self._mesh.announce(self.name, status)

    def _describe(self, capabilities: Iterable[str] | None, description: str | None) -> None:
        self.card = AgentCard(
            name=self.card.name,
            description=self.card.description if description is None else description,
            capabilities=self.card.capabilities if capabilities is None else list(capabilities),
            tools=self.card.tools,
            model=self.card.model,
            version=self.card.version,
        )

    @property
    def line(self) -> Line:
        """What the agent speaks over while it is connected."""
        if self._mesh is None:
            raise self._not_connected()
        return self._mesh.speaking_as(self.name)

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
        self._mesh = mesh
        self._threads = DaemonThreads(
            self.concurrency + self.request_concurrency, name=self.card.token
        )
        try:
            yield
        finally:
            if self._runtime is not None:
                await import_module("hubbub.runtimes.at_work").give_back(self._runtime)
            self._mesh = None
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
