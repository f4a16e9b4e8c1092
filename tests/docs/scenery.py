"""Who is on the mesh when the snippets of a page run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import hubbub
from hubbub import Agent, Task

__all__ = ["scenery"]


@contextlib.asynccontextmanager
async def scenery(page: str) -> AsyncGenerator[dict[str, Any]]:
    """Yield the names that the snippets of a page may use, as the page says."""
    match page:
        case "docs/talking.md":
            async with hubbub.connect(name="Ada") as mesh, mesh.serve(_weather(), _specialist()):
                yield {"hubbub": hubbub, "mesh": mesh}
        case "docs/workflows.md":
            async with hubbub.connect(name="Ada") as mesh:
                yield {"hubbub": hubbub, "mesh": mesh}
        case "docs/plain-nats.md":
            async with hubbub.connect(name="Ada") as mesh, mesh.serve(_greeter()):
                yield {}
        case _:
            yield {}


def _weather() -> Agent:
    agent = Agent("Weather-Bot", capabilities=["weather_lookup"])

    @agent.run
    async def answer(question: str) -> AsyncIterator[str]:  # pyright: ignore[reportUnusedFunction]
        for word in ("It ", "is ", "sunny."):
            yield word

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"done: {task.content}"

    return agent


def _specialist() -> Agent:
    agent = Agent("Specialist")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        if task.content.startswith("Think"):
            await asyncio.Event().wait()
        return "finished"

    return agent


def _greeter() -> Agent:
    agent = Agent("Greeter")

    @agent.run
    def greet(name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"Hello, {name}!"

    return agent
