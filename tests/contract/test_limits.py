"""What a task may use: refused at the next call, and counted over all its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import hubbub
from hubbub import Agent, Limits, NATSConfig, RemoteError, Retry, Task, TaskFailed

from .kit import inbox_of

Name = Callable[[str], str]


async def test_a_task_sends_no_more_messages_than_it_may(config: NATSConfig, name: Name) -> None:
    worker, absent = Agent(name("Worker"), limits=Limits(messages=3)), name("Absent")
    attempts: list[int] = []

    @worker.agentic_run
    async def work(task: Task) -> None:
        attempts.append(task.attempt)
        for number in range(10):
            await task.send_direct_message(absent, f"{number}")

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match="3 messages"):
            await handle.result(timeout=10)
        assert len(await inbox_of(mesh, absent)) == 3
    assert attempts == [1]  # another attempt could not do better


async def test_what_earlier_attempts_sent_counts(config: NATSConfig, name: Name) -> None:
    worker, absent = Agent(name("Worker"), limits=Limits(messages=3)), name("Absent")

    @worker.agentic_run
    async def work(task: Task) -> None:
        for number in range(2 * task.attempt):
            await task.send_direct_message(absent, f"{number}")
        if task.attempt == 1:
            raise Retry(after=0)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match="3 messages"):
            await handle.result(timeout=10)
        # What was sent again is the same message, and counts once.
        assert len(await inbox_of(mesh, absent)) == 3


async def test_requests_and_broadcasts_count_and_a_request_has_limits_too(
    config: NATSConfig, name: Name
) -> None:
    chief, helper = Agent(name("Chief"), limits=Limits(messages=2)), Agent(name("Helper"))

    @helper.run
    async def answer(text: str) -> str:
        return text

    @chief.run
    async def lead(text: str) -> str:
        await chief.request_from_agent(helper.name, "1")
        await chief.broadcast_message("2")
        await chief.request_from_agent(helper.name, "3")
        return text

    async with hubbub.connect(config=config) as mesh, mesh.serve(chief, helper):
        for _ in range(2):
            with pytest.raises(RemoteError, match="2 messages"):
                await mesh.request_from_agent(chief.name, "go", timeout=10)


async def test_the_time_of_a_task_ends_its_talking(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"), limits=Limits(seconds=0.1))

    @worker.agentic_run
    async def work(task: Task) -> None:
        while True:
            await task.broadcast_message("still here")
            await asyncio.sleep(0.02)  # time is what is limited

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match=r"0\.1 seconds"):
            await handle.result(timeout=10)
