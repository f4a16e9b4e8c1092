"""A worker that tells when each of its tasks starts, by a clock that all processes share.

python starter.py NAME SECONDS
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import hubbub
from hubbub import Agent, Task


async def main(name: str, seconds: str, door_name: str) -> None:
    agent, door = Agent(name), Agent(door_name)
    let_go = asyncio.Semaphore(0)

    @door.run
    async def open_it(text: str) -> str:
        let_go.release()
        return text

    @agent.agentic_run
    async def work(task: Task) -> None:
        facts = {"when": time.monotonic(), "content": task.content, "pid": os.getpid()}
        print(json.dumps({"event": "started", **facts}), flush=True)
        await (let_go.acquire() if seconds == "hold" else asyncio.sleep(float(seconds)))

    async with hubbub.connect() as mesh, mesh.serve(agent, door):
        print(json.dumps({"event": "ready"}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
