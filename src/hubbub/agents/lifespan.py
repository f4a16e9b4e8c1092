"""Agents and workflows inside one's own ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from hubbub.agents.agent import Agent
from hubbub.agents.mixin import NATSAgentMixin
from hubbub.agents.workflows import Workflows
from hubbub.errors import SettingsError
from hubbub.mesh.activity_log import activity_log
from hubbub.mesh.mesh import connect
from hubbub.settings import NATSConfig

__all__ = ["agents_of", "lifespan"]


def agents_of(targets: Iterable[object]) -> list[Agent]:
    """Return the agents that some objects are or hold.

    Args:
        targets: agents, objects with `run` or `agentic_run`, collections of workflows, lists.

    Raises:
        TypeError: one of them has nothing to work with.
    """
    agents: list[Agent] = []
    for target in targets:
        if isinstance(target, Workflows | list | tuple):
            agents += agents_of(cast("Iterable[object]", target))
        elif isinstance(target, NATSAgentMixin):
            agents.append(target.as_agent())
        else:
            default = "text" if hasattr(target, "run") else "message"
            agents.append(Agent.of(target, default=default))
    return agents


def lifespan(
    *targets: object, config: NATSConfig | None = None
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """Serve agents and workflows for as long as an ASGI application runs.

    With several worker processes, each of them serves, and they share the work.

    Args:
        *targets: agents, objects with `run` or `agentic_run`, and `Workflows`.
        config: the settings; by default those of the environment and the files.

    Returns:
        What Starlette and FastAPI take as `lifespan`. The mesh is `request.state.mesh`.

    Raises:
        TypeError: a target has nothing to work with.
        SettingsError: a target holds nothing.

    Example:
        ```python
        app = FastAPI(lifespan=hubbub.lifespan(workflows, weather))
        ```
    """
    agents = agents_of(targets)
    if not agents:
        raise SettingsError("there is nothing to serve: give an agent, or a workflow")

    @contextlib.asynccontextmanager
    async def serve(_: Any) -> AsyncGenerator[dict[str, Any]]:
        settings = config or NATSConfig()
        with activity_log(settings):
            async with connect(config=settings, name="app") as mesh, mesh.serve(*agents):
                yield {"mesh": mesh}

    return serve
