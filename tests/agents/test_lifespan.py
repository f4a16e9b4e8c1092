"""Workflows inside one's own ASGI application, under a real uvicorn with several workers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import hubbub
from cli.conftest import PATIENCE_SECONDS, Program
from hubbub import Agent, NATSConfig, SettingsError, Workflows
from hubbub.testing import ServerProcess

APP = """
import os
from fastapi import FastAPI, Request
import hubbub
from hubbub import Agent, Task, Workflows

workflows = Workflows(concurrency=4)
pid = Agent("Pid-Bot")


@pid.run
async def which(message):
    return os.getpid()


def note(task_id, number):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{task_id} {number}\\n")


@workflows.register(name="Three-Steps")
async def three_steps(task: Task) -> str:
    for number in range(3):
        await task.step(note, task.id, number)
        await task.sleep(0.02)
    return "done"


app = FastAPI(lifespan=hubbub.lifespan(workflows, pid))


@app.get("/agents")
async def agents(request: Request) -> list[str]:
    return sorted(card.name for card in await request.state.mesh.list_agents())
"""


@pytest.fixture
async def uvicorn(own_server: ServerProcess, tmp_path: Path) -> AsyncIterator[Program]:
    """Two workers that serve the app."""
    (tmp_path / "own_app.py").write_text(APP)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "own_app:app", "--workers", "2", "--port", "0"),
        cwd=tmp_path,
        env={
            **os.environ,
            "NATS_URL": own_server.url,
            "NOTES": str(tmp_path / "notes"),
            "PYTHONUNBUFFERED": "1",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Program(process)
    yield program
    await program.end(signal.SIGTERM)
    assert process.stdout is not None
    program.seen += (await process.stdout.read()).decode()
    assert "Traceback" not in program.seen


async def test_two_workers_share_the_runs_and_are_replaced_one_by_one(
    uvicorn: Program, own_server: ServerProcess, tmp_path: Path
) -> None:
    found = re.search(r"running on (http://\S+)", await uvicorn.until("running on http"))
    assert found
    config = NATSConfig(nats_url=own_server.url)
    async with (
        hubbub.connect(config=config, name="ada") as mesh,
        httpx.AsyncClient(base_url=found[1]) as client,
        asyncio.timeout(2 * PATIENCE_SECONDS),
    ):

        async def pids(count: int, without: frozenset[int] = frozenset()) -> frozenset[int]:
            seen = set[int]()
            while len(seen) < count:
                reply = await mesh.request_from_agent("Pid-Bot", "", wait_for_agent=30)
                seen |= {int(str(reply.content))} - without
            return frozenset(seen)

        before = await pids(2)
        assert (await client.get("/agents")).json() == ["Pid-Bot", "Three-Steps"]
        handles = [await mesh.send_direct_message("Three-Steps", "") for _ in range(60)]
        await handles[0].result(timeout=PATIENCE_SECONDS)
        uvicorn.process.send_signal(signal.SIGHUP)
        # While one is replaced, the other goes on, and nobody notices.
        handles += [await mesh.send_direct_message("Three-Steps", "") for _ in range(60)]
        results = await asyncio.gather(
            *(handle.result(timeout=PATIENCE_SECONDS) for handle in handles)
        )
        assert set(results) == {"done"}
        after = await pids(2, without=before)
        assert not before & after
        for handle in handles:
            kinds = Counter([event.kind async for event in handle.events()])
            assert kinds["step"] == 3
            assert kinds["retrying"] == 0
    notes = Counter((tmp_path / "notes").read_text().splitlines())
    assert len(notes) == 3 * len(handles)
    assert set(notes.values()) == {1}


def test_nothing_to_serve_is_an_error() -> None:
    with pytest.raises(SettingsError):
        hubbub.lifespan(Workflows())
    with pytest.raises(TypeError):
        hubbub.lifespan(7)
    assert hubbub.lifespan(Agent("Somebody"))
