"""Every example runs, as its own text says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

import hubbub
from hubbub.testing import ServerProcess

from .pages import ROOT

EXAMPLES = ROOT / "examples"
WITH_THE_DEPLOYMENT = ("learning_chat", "research")
PATIENCE = 60.0

pytestmark = pytest.mark.usefixtures("on_mesh")


async def _output(example: str) -> str:
    """Run an example to its end and return what it printed."""
    async with _running(str(EXAMPLES / example)) as process, asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@contextlib.asynccontextmanager
async def _running(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run Python with some arguments while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


@contextlib.asynccontextmanager
async def _serving(example: str, agent: str) -> AsyncGenerator[None]:
    """Serve the agent of an example while the context lasts."""
    async with _running("-m", "hubbub.cli", "run", str(EXAMPLES / example)):
        await _online(agent)
        yield


async def _online(agent: str) -> None:
    async with hubbub.connect() as mesh, asyncio.timeout(PATIENCE):
        while agent not in {card.name for card in await mesh.list_agents()}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stdout.readline()).decode().strip()


async def test_the_first_agent_greets() -> None:
    async with _serving("first_agent.py", "Greeter"), hubbub.connect() as mesh:
        assert (await mesh.request_from_agent("Greeter", "Ada", timeout=20)).text == "Hello, Ada!"


async def test_three_agents_work_together() -> None:
    out = await _output("three_agents.py")
    assert "Weather-Bot answers: In Oslo it is rainy at 7 °C." in out
    assert "Task-Coordinator is done: I handed this over to General-Assistant" in out
    assert "General-Assistant is done: A short plan for Tokyo" in out


async def test_an_existing_class_is_asked_and_set_to_work() -> None:
    out = await _output("existing_class.py")
    assert out == "Emma: Jane Austen, 1815\nFound: ['Emma', 'Emil']\n"


async def test_a_plain_client_asks_messages_broadcasts_and_watches() -> None:
    async with _serving("first_agent.py", "Greeter"):
        out = await _output("plain_nats_client.py")
    assert out.splitlines() == [
        "Greeter answers: Hello, Ada!",
        "Task completed: Hello, Grace!",
        "Everybody heard: Thank you all",
    ]


def test_the_plain_client_imports_nothing_of_ours() -> None:
    assert "import hubbub" not in (EXAMPLES / "plain_nats_client.py").read_text()


async def test_the_monitor_sees_who_comes_and_goes() -> None:
    async with _running(str(EXAMPLES / "monitor.py")) as monitor:
        assert await _line(monitor) == "Watching agents.all"
        async with _serving("first_agent.py", "Greeter"):
            assert await _line(monitor) == "Greeter (announcement): online"
        seen = [await _line(monitor)]
        while "offline" not in seen[-1]:
            seen.append(await _line(monitor))
    assert seen[-1] == "Greeter (announcement): offline"


@pytest.mark.parametrize("worker_first", [True, False])
async def test_two_machines_work_in_any_order(worker_first: bool, on_mesh: ServerProcess) -> None:
    worker = str(EXAMPLES / "two_machines/worker.py")
    asker = str(EXAMPLES / "two_machines/asker.py")
    async with contextlib.AsyncExitStack() as stack:
        if worker_first:
            await stack.enter_async_context(_running(worker))
            await _online("Word-Counter")
        asking = await stack.enter_async_context(_running(asker))
        assert (await _line(asking)).startswith("Stored as task")
        if not worker_first:
            await stack.enter_async_context(_running(worker))
        assert await _line(asking) == "{'words': 6, 'different': 4}"


async def test_the_first_workflow_asks_what_it_shall_be() -> None:
    async with _serving("first_workflow.py", "lunch"), hubbub.connect() as mesh:
        handle = await mesh.send_direct_message("lunch", "", metadata={"params": {"people": 3}})
        async for event in handle.events():
            if event.kind == "asked":
                await handle.answer("salad")
        assert await handle.result(timeout=20) == "3 times salad for 21 euros"


def test_every_example_is_run_here_or_with_the_deployment() -> None:
    text = Path(__file__).read_text()
    for example in EXAMPLES.rglob("*.py"):
        folder = example.parent.name
        if folder in WITH_THE_DEPLOYMENT:
            test = (ROOT / f"tests/deploy/test_{folder}.py").read_text()
            assert f"examples/{folder}" in test
        else:
            assert str(example.relative_to(EXAMPLES)) in text, example.name
