"""The mixin that puts an existing class on the mesh: a thin face on `Agent`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hubbub.agents.agent import Agent
from hubbub.errors import ConnectionLost
from hubbub.mesh.composing import Line
from hubbub.mesh.speaker import Speaker
from hubbub.settings import NATSConfig

__all__ = ["NATSAgentMixin"]


class NATSAgentMixin(Speaker):
    """Gives a class with a `name` and `run` or `agentic_run` the verbs of the mesh.

    Its methods stay as they are, sync or async. Without an annotation they get the content as a
    string; `hubbub.current_task()` has the rest.

    Args:
        nats_config: the settings; by default those of the environment and the files.
    """

    name: str
    nats_config: NATSConfig | None = None
    _mesh_agent: Agent | None = None

    def __init__(self, *args: Any, nats_config: NATSConfig | None = None, **kwargs: Any) -> None:
        # The mixin stands anywhere in a class's bases; what it does not know is for the next.
        super().__init__(*args, **kwargs)
        if nats_config is not None:
            self.nats_config = nats_config

    def as_agent(self) -> Agent:
        """Return the agent that this object is on the mesh, for `mesh.serve`.

        Raises:
            InvalidAgentName: the object's name cannot be an agent's.
            TypeError: it has neither `run` nor `agentic_run`.
        """
        agent = Agent.of(self)
        agent.config = self.nats_config
        for listener in ("on_message", "on_broadcast"):
            if hasattr(self, listener):
                getattr(agent, listener)(getattr(self, listener))
        # Its methods may be called, and speak, as soon as the agent is served.
        self._mesh_agent = agent
        return agent

    async def connect_nats(
        self, capabilities: Iterable[str] | None = None, description: str | None = None
    ) -> None:
        """Join the mesh.

        Args:
            capabilities: words to find the agent by.
            description: one sentence for people and models.

        Raises:
            InvalidAgentName: the object's name cannot be an agent's.
            ConnectionLost: no server answers, or it refuses us.
        """
        if self._mesh_agent is not None:
            raise ConnectionLost(f"{self._mesh_agent.name} is connected already")
        agent = self.as_agent()
        try:
            await agent.connect_nats(capabilities=capabilities, description=description)
        except BaseException:
            self._mesh_agent = None
            raise

    async def disconnect_nats(self) -> None:
        """Leave the mesh; running work may finish within the grace period."""
        agent, self._mesh_agent = self._mesh_agent, None
        if agent is not None:
            await agent.disconnect_nats()

    async def run_with_nats(
        self, capabilities: Iterable[str] | None = None, description: str | None = None
    ) -> None:
        """Serve the object on the mesh until SIGTERM or Ctrl-C; arguments as `connect_nats`."""
        await self.connect_nats(capabilities, description)
        try:
            if self._mesh_agent is not None:
                await self._mesh_agent.until_stopped()
        finally:
            await self.disconnect_nats()

    async def announce_presence(self, status: str | None = None) -> None:
        """Announce the agent to everybody once more.

        Args:
            status: a word on how it is, such as `busy`.
        """
        await self._connected().announce_presence(status)

    def _line(self) -> Line:
        return self._connected().line

    def _connected(self) -> Agent:
        if self._mesh_agent is None:
            raise ConnectionLost(
                f"{getattr(self, 'name', type(self).__name__)} is not on the mesh yet: "
                "`await agent.connect_nats()` first"
            )
        return self._mesh_agent
