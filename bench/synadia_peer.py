"""The Synadia agent SDK, in a virtual environment of its own; it knows nothing of Hubbub.

    python synadia_peer.py echo URL
    python synadia_peer.py ask URL WIDTH

`echo` serves an agent that sends back what it is told. `ask` reads a number from each line of its
standard input, prompts that agent so many times, WIDTH at a time, and says how many it did in a
second. Both say a line of JSON when they are ready, and end when their standard input does.
"""

# The packages are not in the environment that types are checked in.
# pyright: reportMissingImports=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import nats
import uvloop
from synadia_ai.agent_service import AgentService
from synadia_ai.agents import Agents, ResponseChunk

_CONTENT = "x" * 128
_SLOTS = 128


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def until_ended(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def answer(envelope, stream) -> None:
    await stream.send(envelope.prompt)


async def echo(url: str) -> None:
    client = await nats.connect(url)
    service = AgentService(
        agent="bench",
        owner="bench",
        session_name="echo",
        nc=client,
        max_concurrent_prompts=_SLOTS,
    )
    service.on_prompt(answer)
    await service.start()
    say(ready=True)
    await until_ended(await standard_input())
    await service.stop()
    await client.close()


async def prompt(agent) -> None:
    text = ""
    async for chunk in agent.prompt(_CONTENT):
        if isinstance(chunk, ResponseChunk):
            text += chunk.text
    if text != _CONTENT:
        raise ValueError(f"the answer is {text!r}")


async def ask(url: str, width: str) -> None:
    client = await nats.connect(url)
    agents = Agents(nc=client)
    (agent,) = await agents.discover()
    stream = await standard_input()
    say(ready=True)
    while line := await stream.readline():
        numbers = iter(range(total := int(line)))

        async def lane(numbers=numbers) -> None:
            for _ in numbers:
                await prompt(agent)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(int(width)):
                group.create_task(lane())
        say(rate=total / (time.perf_counter() - began))
    await agents.close()
    await client.close()


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    uvloop.run({"echo": echo, "ask": ask}[role](*arguments))
