"""A worker that hosts a team of a framework is killed in the middle of each call of its model."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.runtimes.scripted import ScriptedModel, ToolCalls
from hubbub.testing import ServerProcess
from hubbub.wire.events import TaskEvent

WORKER = Path(__file__).with_name("talk.py")
PATIENCE = 60.0
_OF_THE_RUN = {"id", "key", "attempt", "usage"}


class Calls:
    """Answers calls of models; as long as it kills, no call is answered when it comes first.

    Attributes:
        answered: how often each call got its answer.
        caught: set when a call waits for the death of whoever made it.
    """

    def __init__(self, *, kills: bool) -> None:
        self.answered: Counter[str] = Counter()
        self.caught = asyncio.Event()
        self._kills = kills
        self._seen: set[str] = set()

    async def reply(self, messages: list[Any], tools: list[Any]) -> str | ToolCalls:
        asked = json.dumps(messages)
        if self._kills and asked not in self._seen:
            self._seen.add(asked)
            self.caught.set()
            await asyncio.Event().wait()
        self.answered[asked] += 1
        name = next(one["content"] for one in messages if one["role"] == "system")
        if tools and messages[-1]["role"] != "tool":
            return ToolCalls(("look_up", {"word": f"{name} {len(self.answered)}"}))
        return f"{name} found {messages[-1]['content']}"


@asynccontextmanager
async def working(
    server: ServerProcess, url: str, framework: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a worker while the context lasts; it is killed at the end."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hubbub.cli", "run", str(WORKER)),
        env={
            **os.environ,
            "NATS_URL": server.url,
            "OPENAI_BASE_URL": url,
            "TALK_FRAMEWORK": framework,
            "HUBBUB_LEASE_SECONDS": "1",
            "HUBBUB_MAX_ATTEMPTS": "100",
            "HUBBUB_MODEL": "hubbub-scripted",
        },
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def talked(
    server: ServerProcess, framework: str, calls: Calls
) -> tuple[list[TaskEvent], int]:
    """Let them talk; return the log of the task, and how many workers were killed."""
    killed = 0
    async with (
        ScriptedModel(calls.reply) as model,
        hubbub.connect(config=NATSConfig(nats_url=server.url)) as mesh,
        asyncio.timeout(PATIENCE),
    ):
        handle = await mesh.send_direct_message("Talk", "")
        ended = asyncio.create_task(handle.result())
        caught = asyncio.create_task(calls.caught.wait())
        try:
            while not ended.done():
                async with working(server, model.base_url, framework):
                    await asyncio.wait({ended, caught}, return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    killed += 1
                    calls.caught.clear()
                    caught = asyncio.create_task(calls.caught.wait())
            await ended
        finally:
            caught.cancel()
            ended.cancel()
        return [event async for event in handle.events()], killed


def _shown(events: list[TaskEvent]) -> list[tuple[str, Any]]:
    """Return what people are shown of a run, but for its attempts."""
    told = ("said", "tool_call", "tool_result", "completed")
    return [
        (
            event.kind,
            {key: value for key, value in event.data.items() if key not in _OF_THE_RUN},
        )
        for event in events
        if event.kind in told
    ]


@pytest.mark.timeout(300)  # workers start six times, with a framework each
async def test_a_kill_in_the_middle_of_any_call_changes_nothing(
    framework: str, own_server: ServerProcess
) -> None:
    undisturbed, hunted = Calls(kills=False), Calls(kills=True)
    expected, none = await talked(own_server, framework, undisturbed)
    assert (none, len(undisturbed.answered)) == (0, 4)
    events, killed = await talked(own_server, framework, hunted)
    assert killed == 4
    assert hunted.answered.total() == 4
    assert _shown(events) == _shown(expected)
    assert [event.data["agent"] for event in events if event.kind == "said"] == [
        "student",
        "teacher",
    ]
    assert events[-1].data["usage"]["requests"] == 4
