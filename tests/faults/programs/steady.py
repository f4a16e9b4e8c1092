"""An agent in a process of its own that serves quietly, whatever comes.

    python steady.py NAME SECONDS [SLOTS]

Requests and tasks take so many seconds each and give back what they were given. Lines of JSON on
stdout tell when it is ready and, if a task's text begins with `tell`, that it starts; SIGTERM ends
it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import hubbub
from hubbub import Agent, AgentMessage, Task


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


async def main(name: str, seconds: float, slots: int) -> None:
    agent = Agent(name, concurrency=slots)

    @agent.run
    async def answer(message: AgentMessage) -> str:
        await asyncio.sleep(seconds)
        return message.text[:100]

    @agent.agentic_run
    async def work(task: Task) -> str:
        if task.content.startswith("tell"):
            tell("started", content=task.content, sender=task.message.from_agent)
        await asyncio.sleep(seconds)
        return task.content[:100]

    @agent.on_message
    async def hear(message: AgentMessage) -> None:
        tell("heard", text=message.text[:100], in_reply_to=message.in_reply_to)

    @agent.on_broadcast
    async def listen(message: AgentMessage) -> None:
        await asyncio.sleep(seconds)

    async with hubbub.connect() as mesh, mesh.serve(agent):
        tell("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    name, seconds, *slots = sys.argv[1:]
    asyncio.run(main(name, float(seconds), int(slots[0]) if slots else 1))
