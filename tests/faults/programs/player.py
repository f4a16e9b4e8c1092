"""An agent that answers whatever it gets with more of the same, to another one.

    python player.py NAME OTHER direct|handoff|request|listen|broadcast BRANCHES LIMIT

It sends BRANCHES messages for each one that it gets; LIMIT is how many one task may send, 0 for any
number. Lines of JSON on stdout tell what starts, with its hops.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import hubbub
from hubbub import Agent, AgentMessage, Limits, Task


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


async def main(name: str, other: str, verb: str, branches: int, limit: int) -> None:
    limits = Limits(messages=limit) if limit else None
    agent = Agent(name, concurrency=4, request_concurrency=64, limits=limits)

    async def play(message: AgentMessage) -> None:
        tell("started", hops=message.hops)
        for _ in range(branches):
            match verb:
                case "handoff":
                    await agent.handoff_to_agent(other, "yours")
                case "request":
                    await agent.request_from_agent(other, "and you?", timeout=20)
                case "broadcast":
                    await agent.broadcast_message("have you heard?")
                case _:
                    await agent.send_direct_message(other, "your turn")

    @agent.run
    async def answer(message: AgentMessage) -> str:
        await play(message)
        return "begun"

    @agent.agentic_run
    async def work(task: Task) -> None:
        if verb == "listen":
            tell("started", hops=task.message.hops)
        else:
            await play(task.message)

    if verb == "listen":
        agent.on_message(play)
    if verb == "broadcast":
        agent.on_broadcast(play)

    async with hubbub.connect() as mesh, mesh.serve(agent):
        tell("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    name, other, verb, branches, limit = sys.argv[1:]
    asyncio.run(main(name, other, verb, int(branches), int(limit)))
