"""`hubbub run` with several processes, with `--reload`, and however it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

import pytest

import hubbub
from hubbub import NATSConfig

from .conftest import Run, Start


async def test_several_processes_share_the_requests_and_a_killed_one_is_replaced(
    start: Start, environment: dict[str, str], agent_file: Path
) -> None:
    # The one that is killed cannot say goodbye; quick beats make its silence heard soon.
    quick = {"HUBBUB_HEARTBEAT_SECONDS": "0.5"}
    serving = await start("run", f"{agent_file}:echo", "--processes", "2", **quick)
    await serving.until("as Echo-Bot")
    config = NATSConfig(nats_url=environment["NATS_URL"], heartbeat_seconds=0.5)
    async with hubbub.connect(config=config) as mesh:

        async def processes(count: int, without: int = 0) -> set[int]:
            found: set[int] = set()
            async with asyncio.timeout(60):
                while len(found) < count:
                    # What the server gives a process before it sees that it is dead goes with it.
                    with contextlib.suppress(hubbub.AgentUnavailable, hubbub.RequestTimeout):
                        answer = await mesh.request_from_agent("Echo-Bot", "pid", timeout=5)
                        found |= {int(answer.text)} - {without}
            return found

        before = await processes(2)
        victim = before.pop()
        os.kill(victim, signal.SIGKILL)
        await serving.until("another one")
        assert victim not in await processes(2, without=victim)
        assert await serving.end(signal.SIGINT) == 0
        async with asyncio.timeout(60):
            while await mesh.list_agents():
                continue


async def test_the_processes_end_with_the_one_that_started_them(
    start: Start, run: Run, agent_file: Path
) -> None:
    serving = await start("run", f"{agent_file}:echo", "--processes", "2")
    await serving.until("as Echo-Bot")
    serving.process.kill()
    await serving.process.wait()
    async with asyncio.timeout(60):
        while json.loads((await run("agents", "--json")).out):
            continue


async def test_a_changed_file_is_served_anew(start: Start, run: Run, agent_file: Path) -> None:
    serving = await start("run", f"{agent_file}:echo", "--reload")
    await serving.until("as Echo-Bot")
    agent_file.write_text(agent_file.read_text().replace("Says it again", "Says it anew"))
    await serving.until("changed: starting again")
    serving.seen = ""
    await serving.until("as Echo-Bot")
    assert "Says it anew" in (await run("agents")).out
    agent_file.write_text("this is no Python")
    await serving.until("SyntaxError")
    agent_file.write_text(
        "from hubbub import Agent\necho = Agent('Back-Bot')\necho.run(lambda message: 1)\n"
    )
    await serving.until("as Back-Bot")


SLOW_FILE = """
import asyncio
from hubbub import Agent

slow = Agent("Slow-Bot")


@slow.agentic_run
async def work(task):
    await asyncio.Event().wait()
"""


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_twice_to_stop_it_does_not_wait_for_its_work(
    start: Start, run: Run, tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    file = tmp_path / "slow.py"
    file.write_text(SLOW_FILE)
    patient = {"HUBBUB_GRACE_SECONDS": "600"}
    serving = await start("run", str(file), "--processes", str(processes), **patient)
    for _ in range(processes):
        await run("send", "Slow-Bot", "go")
        await serving.until("started")
        serving.seen = ""
    serving.process.send_signal(number)
    for _ in range(processes):
        await serving.until("Once more ends it now")
        serving.seen = ""
    assert await serving.end(number) == -number
    assert "Traceback" not in await serving.rest()
