"""What the tests of runtimes share: tools, a watcher of events, a loop on a scripted server."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hubbub.mesh.limits import Limits
from hubbub.runtimes.hosting import execute
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import Event, RunContext, RunResult, current_run
from hubbub.runtimes.scripted import MODEL, ScriptedModel

TRACE: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="")


def get_weather(city: str) -> dict[str, Any]:
    """Look up the weather.

    Args:
        city: the city to look up
    """
    return {"city": city, "condition": "sunny", "temperature": 22}


async def list_agents(capability: str = "") -> list[str]:
    """List the agents of the mesh."""
    return [name for name in ("alice", "bob") if capability in name]


async def request_from_agent(to_agent: str, content: str) -> str:
    """Ask an agent and wait for its answer."""
    return f"{to_agent} heard {content!r}"


async def handoff_to_agent(to_agent: str, content: str) -> str:
    """Hand work over."""
    await current_run().emit("handoff", to=to_agent, content=content)
    return "accepted"


def explode() -> str:
    """Fail."""
    raise RuntimeError("it went up in smoke")


TOOLS = (get_weather, list_agents, request_from_agent, handoff_to_agent, explode)


class Watcher:
    """Keeps the events of a run and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()

    async def __call__(self, event: Event) -> None:
        async with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]

    @property
    def text(self) -> str:
        return "".join(data["delta"] for data in self.of("text"))

    @property
    def thinking(self) -> str:
        return "".join(data["delta"] for data in self.of("thinking"))

    async def seen(self, kind: str, count: int = 1) -> None:
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.kinds.count(kind) >= count)


Making = Callable[..., ToolLoop]


@asynccontextmanager
async def loops(server: ScriptedModel) -> AsyncGenerator[Making]:
    """Make loops on a server: `make("-think", tools=TOOLS)`."""
    clients: list[ModelClient] = []

    def make(
        quirks: str = "", *, timeout: float = 5.0, attempts: int = 3, **kwargs: Any
    ) -> ToolLoop:
        client = ModelClient(
            base_url=server.base_url, model=MODEL + quirks, timeout=timeout, attempts=attempts
        )
        clients.append(client)
        return ToolLoop(client, **kwargs)

    try:
        yield make
    finally:
        for client in clients:
            await client.aclose()


async def run(
    loop: ToolLoop, task: str | None, watcher: Watcher | None = None, **kwargs: Any
) -> RunResult:
    """Run a task within a time no healthy run needs."""
    kwargs.setdefault("limits", Limits(requests=10))
    ctx = RunContext(on_event=watcher, **kwargs)
    return await asyncio.wait_for(execute(loop, task, ctx), 20)
