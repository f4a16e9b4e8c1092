"""FastAgency and its NATS adapter, in a virtual environment of its own; it knows nothing of Hubbub.

    python fastagency_peer.py worker URL
    python fastagency_peer.py sender URL WIDTH

`worker` serves a workflow that says a text and returns. `sender` reads a number from each line of
its standard input, starts so many runs, keeps WIDTH under way, and says how many it did in a
second. A worker with several runs at a time sends their messages under the wrong ids, so that ends
are counted, whosever they are. Both say a line of JSON when they are ready, and end when their
standard input does.
"""

# The packages are not in the environment that types are checked in.
# pyright: reportMissingImports=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownMemberType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
import uuid
from typing import Any

import nats
from fastagency import UI
from fastagency.adapters.nats import NatsAdapter
from fastagency.runtimes.ag2 import Workflow

# It writes its log to standard output, a line or more for each message.
OUT = os.dup(1)
os.dup2(2, 1)
logging.disable()


def say(**facts: Any) -> None:
    os.write(OUT, json.dumps(facts).encode() + b"\n")


async def standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def worker(url: str) -> None:
    workflows = Workflow()

    @workflows.register(name="run", description="says a text")
    def run(ui: UI, params: dict[str, Any]) -> str:  # pyright: ignore[reportUnusedFunction]
        ui.text_message(sender="run", recipient="user", body=f"hello {params['who']}")
        return "done"

    adapter = NatsAdapter(provider=workflows, nats_url=url)
    async with adapter.lifespan(None):
        say(ready=True)
        stream = await standard_input()
        while await stream.readline():
            pass
    os._exit(0)  # it leaves threads behind


async def sender(url: str, width: str) -> None:
    client = await nats.connect(url)
    stream, ended = client.jetstream(), asyncio.Queue[None]()

    async def hear(message) -> None:
        if json.loads(message.data).get("type") == "workflow_completed":
            ended.put_nowait(None)

    await client.subscribe("chat.client.messages.>", cb=hear)

    async def start() -> None:
        body = {
            "user_id": "bench",
            "workflow_uuid": uuid.uuid4().hex,
            "name": "run",
            "params": {"who": "Ada"},
        }
        await stream.publish(
            "chat.server.initiate_chat",
            json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )

    lines = await standard_input()
    say(ready=True)
    while line := await lines.readline():
        total, began = int(line), time.perf_counter()
        begun = min(int(width), total)
        for _ in range(begun):
            await start()
        for _ in range(total):
            await asyncio.wait_for(ended.get(), 30)
            if begun < total:
                begun += 1
                await start()
        say(rate=total / (time.perf_counter() - began))
    await client.close()


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    asyncio.run({"worker": worker, "sender": sender}[role](*arguments))
