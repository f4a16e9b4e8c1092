"""The verbs of the mesh as tools for a model: plain typed functions over somebody who speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from hubbub.agents.task import Task

__all__ = ["MESH_TOOLS", "chosen", "mesh_tools"]

MESH_TOOLS = (
    "list_agents",
    "request_from_agent",
    "send_direct_message",
    "handoff_to_agent",
    "broadcast_message",
)
"""The names of all of them."""


def mesh_tools(
    task: Task, names: Collection[str] = MESH_TOOLS
) -> list[Callable[..., Awaitable[Any]]]:
    """Return the tools with which a model talks to other agents for a task.

    Args:
        task: whom it talks for.
        names: which of `MESH_TOOLS`.
    """

    async def list_agents(capability: str = "") -> list[dict[str, Any]]:
        """List the other agents that are online and what they can do.

        Args:
            capability: only agents that offer this; empty for all
        """
        cards = await task.list_agents(capability or None)
        return [
            {
                "name": card.name,
                "description": card.description,
                "capabilities": card.capabilities,
            }
            for card in cards
            if card.name != task.agent
        ]

    async def request_from_agent(to_agent: str, content: str) -> str:
        """Ask another agent a question and wait for its answer.

        Args:
            to_agent: name of the agent to ask
            content: the question, with everything it needs to know
        """
        return (await task.request_from_agent(to_agent, content)).text

    async def send_direct_message(to_agent: str, content: str) -> str:
        """Give another agent something to do, without waiting until it is done.

        Args:
            to_agent: name of the agent
            content: what it should do, with everything it needs to know
        """
        handle = await task.send_direct_message(to_agent, content)
        return f"{to_agent} has it as task {handle.task_id}"

    async def handoff_to_agent(to_agent: str, content: str) -> str:
        """Pass your task on to the agent that should do it; you are done with it then.

        Args:
            to_agent: name of the agent that takes over
            content: the task, with everything it needs to know
        """
        facts = {"handed_off_by": task.agent, "from_task": task.id}
        handle = await task.handoff_to_agent(to_agent, content, metadata=facts)
        return f"{to_agent} has taken over as task {handle.task_id}"

    async def broadcast_message(content: str) -> str:
        """Tell all agents something; none of them starts to work on it.

        Args:
            content: what to tell
        """
        await task.broadcast_message(content)
        return "everybody has been told"

    tools = (
        list_agents,
        request_from_agent,
        send_direct_message,
        handoff_to_agent,
        broadcast_message,
    )
    return [tool for tool in tools if tool.__name__ in names]


def chosen(mesh_tools: bool | Collection[str]) -> Collection[str]:
    """Return names of mesh tools: all, none, or those that are named.

    Raises:
        ValueError: there is no mesh tool of that name.
    """
    if isinstance(mesh_tools, bool):
        return MESH_TOOLS if mesh_tools else ()
    if unknown := set(mesh_tools) - set(MESH_TOOLS):
        raise ValueError(f"no mesh tool is called {', '.join(sorted(unknown))}")
    return tuple(mesh_tools)
