"""An agent: a name on the mesh, and the functions that work under it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from msgspec import structs

from hubbub.agents.abilities import Abilities
from hubbub.agents.calling import Argument, Handler
from hubbub.agents.session import Session
from hubbub.errors import ConnectionLost, SettingsError
from hubbub.mesh.limits import Limits
from hubbub.mesh.rates import RateLimits
from hubbub.settings import NATSConfig
from hubbub.wire.card import AgentCard

__all__ = ["Agent"]


class Agent(Abilities):
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
        super().__init__()
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
        self._session: Session | None = None
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

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
        if description is not None:
            self.card = structs.replace(self.card, description=description)
        if capabilities is not None:
            self.card = structs.replace(self.card, capabilities=list(capabilities))
