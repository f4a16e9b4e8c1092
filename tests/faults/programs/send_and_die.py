"""Sends a message and kills itself at the very moment that `send` returns."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import hubbub
from hubbub import Agent
from hubbub.mesh.speaker import Speaker


async def send(speaker: Speaker, to_agent: str) -> None:
    handle = await speaker.send_direct_message(to_agent, "quick")
    os.write(1, json.dumps({"event": "sent", "task": handle.task_id}).encode() + b"\n")
    os.kill(os.getpid(), signal.SIGKILL)


async def main(speaks_as: str, to_agent: str) -> None:
    if speaks_as == "mesh":
        async with hubbub.connect(name="Brief") as mesh:
            await send(mesh, to_agent)
    agent = Agent("Brief")
    agent.run(lambda: "")
    await agent.connect_nats()
    await send(agent, to_agent)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
