"""What work leaves behind goes at once, not when the collector of cycles comes by."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Generator

import pytest

import hubbub
from hubbub import Agent, Mesh
from hubbub.testing import ServerProcess

ROUNDS = 40


@pytest.fixture
def uncollected() -> Generator[None]:
    """Let the collector keep what it finds."""
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def _shouted(text: str) -> str:
    return text.upper()


def _worker() -> Agent:
    agent = Agent("Tidy", concurrency=4)

    @agent.run
    async def answer(text: str) -> str:
        return text

    @agent.agentic_run
    async def work(task: hubbub.Task) -> str:
        return await task.step(_shouted, task.content)

    return agent


async def _use(mesh: Mesh, times: int) -> None:
    for _ in range(times):
        handle = await mesh.send_direct_message("Tidy", "x")
        assert await handle.result(timeout=20) == "X"
        assert (await mesh.request_from_agent("Tidy", "x")).text == "x"


@pytest.mark.usefixtures("uncollected")
async def test_tasks_and_requests_leave_no_cycles(own_server: ServerProcess) -> None:
    async with hubbub.connect(own_server.url, name="Asker") as mesh, mesh.serve(_worker()):
        await _use(mesh, 5)
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        await _use(mesh, ROUNDS)
        gc.collect()
    left = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
    repeated = {name: n for name, n in left.items() if n >= ROUNDS}
    assert not repeated
