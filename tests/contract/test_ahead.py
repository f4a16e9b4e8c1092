"""A message that is fetched ahead costs nobody its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.mesh.tasks.slot import Pace

from .kit import soon

Name = Callable[[str], str]


def test_nothing_is_fetched_ahead_until_most_handlers_have_been_quick() -> None:
    pace = Pace()
    for _ in range(15):
        pace.note(0.001)
    assert not pace.is_quick
    pace.note(0.001)
    assert pace.is_quick
    for _ in range(8):
        pace.note(0.2)
    assert not pace.is_quick


class Holding:
    """An agent whose handlers are quick, but for those that are told to wait."""

    def __init__(self, name: str) -> None:
        self.agent = Agent(name)
        self.order: list[str] = []
        self.held, self.go = asyncio.Event(), asyncio.Event()

        @self.agent.agentic_run
        async def work(task: Task) -> None:
            self.order.append(task.content)
            if task.content == "hold":
                self.held.set()
                await self.go.wait()


async def test_what_was_fetched_ahead_goes_to_another_instance_when_a_handler_is_slow(
    config: NATSConfig, name: Name
) -> None:
    slow, other = Holding(name("Worker")), Holding(name("Worker"))
    async with hubbub.connect(config=config) as mesh:
        contents = [*(f"{number}" for number in range(20)), "hold", "behind it"]
        handles = [await mesh.send_direct_message(slow.agent.name, text) for text in contents]
        async with mesh.serve(slow.agent):
            await soon(slow.held.wait())
            async with mesh.serve(other.agent):
                await handles[-1].result(timeout=10)
                assert other.order == ["behind it"]
            slow.go.set()
            await handles[-2].result(timeout=10)
    assert slow.order == contents[:-1]


async def test_what_was_fetched_ahead_gives_way_to_what_is_more_urgent(
    config: NATSConfig, name: Name
) -> None:
    worker = Holding(name("Worker"))
    async with hubbub.connect(config=config) as mesh:
        contents = [*(f"{number}" for number in range(20)), "hold", "a", "b"]
        handles = [await mesh.send_direct_message(worker.agent.name, text) for text in contents]
        async with mesh.serve(worker.agent):
            await soon(worker.held.wait())
            urgent = await mesh.send_direct_message(worker.agent.name, "urgent", priority=1)
            worker.go.set()
            await urgent.result(timeout=10)
            await handles[-1].result(timeout=10)
    assert worker.order[-3:] == ["urgent", "a", "b"]


async def test_what_was_fetched_ahead_is_handed_back_when_the_agent_leaves(
    config: NATSConfig, name: Name
) -> None:
    worker, heir = Holding(name("Worker")), Holding(name("Worker"))
    async with hubbub.connect(config=config) as mesh:
        contents = [*(f"{number}" for number in range(20)), "hold", "left behind"]
        handles = [await mesh.send_direct_message(worker.agent.name, text) for text in contents]
        async with mesh.serve(worker.agent):
            await soon(worker.held.wait())
            asyncio.get_running_loop().call_later(0.05, worker.go.set)
        async with mesh.serve(heir.agent):
            await handles[-1].result(timeout=5)  # far less than a lease
    assert worker.order + heir.order == contents
