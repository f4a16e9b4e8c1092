"""An agent that answers requests and works on tasks, in a process of its own.

    python answerer.py NAME SECONDS REQUESTS

Each takes SECONDS; REQUESTS are answered at the same time. It tells what it begins as lines of
JSON on stdout: `hold` and `pieces` begin something that only `go` on stdin lets go on. SIGTERM
ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from hubbub import Agent, AgentMessage, Task


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


async def commands() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main(name: str, seconds: float, requests: int) -> None:
    agent, go = Agent(name, concurrency=4, request_concurrency=requests), asyncio.Event()

    @agent.run
    async def answer(message: AgentMessage) -> AsyncIterator[str]:
        tell("answering", content=message.text, id=message.message_id)
        if message.text == "pieces":
            yield "first"
        if message.text in ("hold", "pieces"):
            await go.wait()
        await asyncio.sleep(seconds)
        yield f"{message.text} by {os.getpid()}"

    @agent.agentic_run
    async def work(task: Task) -> str:
        tell("started", task=task.id, attempt=task.attempt)
        await asyncio.sleep(seconds)
        return f"by {os.getpid()}"

    async def listen() -> None:
        lines = await commands()
        while line := await lines.readline():
            if line == b"go\n":
                go.set()

    await agent.connect_nats()
    listening = asyncio.create_task(listen())
    try:
        stopped = asyncio.create_task(agent.until_stopped())
        # From here on a signal ends it in good order.
        await asyncio.sleep(0)
        tell("ready")
        await stopped
    finally:
        listening.cancel()
        await agent.disconnect_nats()
    tell("gone")


if __name__ == "__main__":
    name, seconds, requests = sys.argv[1:]
    asyncio.run(main(name, float(seconds), int(requests)))
