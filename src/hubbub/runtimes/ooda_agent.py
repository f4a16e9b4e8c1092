"""An agent that thinks with a model: answers at once, works in an OODA loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from typing import Any

from hubbub.agents.agent import Agent
from hubbub.agents.calling import Handler
from hubbub.agents.task import Task
from hubbub.mesh.limits import Limits
from hubbub.mesh.mesh import Mesh
from hubbub.runtimes.at_work import answer, work
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.mesh_tools import chosen
from hubbub.runtimes.ooda import OODA
from hubbub.settings import NATSConfig

__all__ = ["NATSOODAAgent"]


class NATSOODAAgent(Agent):
    """An agent with a model behind it, on any OpenAI-compatible server.

    A request is answered by the model and its tools; a direct message or handoff is worked on in
    a loop of observe, orient, decide and act. Each phase and tool call is an event of the task.

    Args:
        name: display name.
        instructions: the system prompt.
        model: name of the model; by default that of the settings, else the first one listed.
        tools: typed Python functions, or OpenAI tool dictionaries with a callable.
        nats_config: the settings; by default those of the environment and the files.
        description: one sentence for people and models.
        capabilities: words to find it by.
        mesh_tools: whether the model may talk to other agents, or which of `MESH_TOOLS` it has.
        limits: what a task, over all its attempts, and a request may use.
        max_rounds: rounds of the loop at most.
        concurrency: how many tasks one process works on at the same time.
        request_concurrency: how many requests one process answers at the same time.
        rate_limit: how often a second one process may be set to work; see `Agent`.
        sender_rate_limit: the same, for each sender.
        lease_seconds: its lease, if it is not that of the settings.

    Raises:
        InvalidAgentName: the name cannot be a subject token.
        TypeError: a tool cannot be used.
        ValueError: there is no mesh tool of that name.
    """

    def __init__(
        self,
        name: str,
        *,
        instructions: str = "",
        model: str | None = None,
        tools: Sequence[object] = (),
        nats_config: NATSConfig | None = None,
        description: str = "",
        capabilities: Iterable[str] = (),
        mesh_tools: bool | Collection[str] = True,
        limits: Limits | None = None,
        max_rounds: int = 8,
        concurrency: int = 1,
        request_concurrency: int = 16,
        rate_limit: float | None = None,
        sender_rate_limit: float | None = None,
        lease_seconds: float | None = None,
    ) -> None:
        config = nats_config or NATSConfig()
        loop = ToolLoop(
            model, name=name, instructions=instructions, tools=tools, config=config, limits=limits
        )
        super().__init__(
            name,
            description=description,
            capabilities=capabilities,
            tools=loop.tools,
            model=loop.model.model,
            concurrency=concurrency,
            request_concurrency=request_concurrency,
            rate_limit=rate_limit,
            sender_rate_limit=sender_rate_limit,
            limits=loop.limits,
            lease_seconds=lease_seconds,
            config=config,
        )
        self._loop = loop
        self._ooda = OODA(loop, max_rounds=max_rounds, limits=loop.limits)
        self._mesh_tools = chosen(mesh_tools)
        self._run = Handler(self._answer, "task")
        self._agentic_run = Handler(self._work, "task")

    @contextlib.asynccontextmanager
    async def spoken_over(self, mesh: Mesh) -> AsyncGenerator[None]:
        """Speak over a mesh while the context lasts, and give the model's connections back."""
        async with super().spoken_over(mesh):
            try:
                yield
            finally:
                await self._loop.aclose()

    async def _answer(self, task: Task) -> Any:
        return await answer(self._loop, task, tools=self._mesh_tools)

    async def _work(self, task: Task) -> Any:
        return await work(self._ooda, task, tools=self._mesh_tools)
