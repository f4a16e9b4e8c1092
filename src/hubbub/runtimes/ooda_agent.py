"""An agent that thinks with a model: answers at once, works in an OODA loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from hubbub.agents.agent import Agent
from hubbub.agents.calling import Handler
from hubbub.agents.task import Task
from hubbub.mesh.limits import Limits
from hubbub.mesh.mesh import Mesh
from hubbub.runtimes.hosting import execute, iterate
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.mesh_tools import MESH_TOOLS, mesh_tools
from hubbub.runtimes.neutral import Event, RunContext
from hubbub.runtimes.ooda import OODA
from hubbub.settings import NATSConfig

__all__ = ["NATSOODAAgent"]


_MARGIN_SECONDS = 1.0


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
        self._mesh_tools = _chosen(mesh_tools)
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

    def _context(self, task: Task) -> RunContext:
        limits = self._loop.limits
        if task.timeout_seconds is not None:
            # The requester is to hear why there is no answer before it stops listening.
            whole = task.timeout_seconds
            seconds = whole - max(0.1 * whole, min(_MARGIN_SECONDS, 0.3 * whole))
            limits = replace(limits, seconds=min(seconds, limits.seconds or seconds))
        return RunContext(tools=mesh_tools(task, self._mesh_tools), limits=limits)

    async def _answer(self, task: Task) -> Any:
        if task.streamed:
            return self._pieces(task)
        return (await execute(self._loop, _asked(task), self._context(task))).output

    async def _pieces(self, task: Task) -> AsyncGenerator[str]:
        async for event in iterate(self._loop, _asked(task), self._context(task)):
            if event.kind == "text":
                yield event.data["delta"]

    async def _work(self, task: Task) -> Any:
        context = self._context(task)
        context.on_event = _Recorder(task).take
        return (await execute(self._ooda, _asked(task), context)).output


class _Recorder:
    """Puts what happens in a run into the task's log."""

    def __init__(self, task: Task) -> None:
        self._task = task

    async def take(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "text":
                await self._task.show(data["delta"])
            case "tool_call":
                await self._task.tool_call(data["name"], data["arguments"], call_id=data["id"])
            case "tool_result":
                await self._task.tool_result(data["name"], data["result"], call_id=data["id"])
            case "custom" if "phase" in data:
                await self._task.record("phase", data)
            case "usage":
                await self._task.record("usage", data)
            case _:
                # Thinking is not kept, and how it ended is the task's own last event.
                return


def _asked(task: Task) -> str:
    """Return what the model is told: the message, and whom it is from."""
    return f"Message from {task.message.from_agent}:\n{task.content}"


def _chosen(mesh_tools: bool | Collection[str]) -> Collection[str]:
    if isinstance(mesh_tools, bool):
        return MESH_TOOLS if mesh_tools else ()
    if unknown := set(mesh_tools) - set(MESH_TOOLS):
        raise ValueError(f"no mesh tool is called {', '.join(sorted(unknown))}")
    return tuple(mesh_tools)
