"""A clock that tests move: nothing waits, and everything comes in its time."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

import hubbub
from hubbub import Agent, Mesh, NATSConfig, Retry, Task, TaskFailed, TaskState
from hubbub.testing import Clock, ServerProcess, clock
from hubbub.wire import clock as wire_clock

TWO_DAYS = 2 * 86_400


@pytest.fixture
async def mesh(shared_server: ServerProcess) -> AsyncIterator[Mesh]:
    config = NATSConfig(nats_url=shared_server.url, retry_seconds=60, grace_seconds=2)
    async with hubbub.connect(config=config, name=f"Tester-{secrets.token_hex(4)}") as mesh:
        yield mesh


@pytest.fixture
def moved() -> Iterator[Clock]:
    with clock() as moved:
        yield moved


@pytest.fixture
def agent() -> Agent:
    return Agent(f"Clerk-{secrets.token_hex(4)}")


def echoing(agent: Agent) -> None:
    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        return task.content


async def test_a_message_for_the_day_after_tomorrow_comes_when_the_clock_gets_there(
    mesh: Mesh, agent: Agent, moved: Clock
) -> None:
    echoing(agent)
    async with mesh.serve(agent):
        task = await mesh.send_direct_message(agent.name, "later", deliver_in=TWO_DAYS)
        first = await mesh.send_direct_message(agent.name, "now")
        assert await first.result(timeout=10) == "now"
        assert await task.state() is TaskState.SUBMITTED
        moved.move(days=2)
        began = time.monotonic()
        assert await task.result(timeout=10) == "later"
        assert time.monotonic() - began < 1
        (at,) = [event.at async for event in task.events() if event.is_final]
        ended = datetime.fromisoformat(at)
        assert timedelta(days=2) <= ended - datetime.now(UTC) + timedelta(seconds=5)


async def test_a_message_for_a_date_comes_on_that_date(
    mesh: Mesh, agent: Agent, moved: Clock
) -> None:
    echoing(agent)
    date = moved.now + timedelta(days=400)
    async with mesh.serve(agent):
        task = await mesh.send_direct_message(agent.name, "a year on", deliver_at=date)
        moved.move_to(date - timedelta(hours=1))
        first = await mesh.send_direct_message(agent.name, "now")
        assert await first.result(timeout=10) == "now"
        assert await task.state() is TaskState.SUBMITTED
        moved.move(hours=1)
        assert await task.result(timeout=10) == "a year on"


async def test_a_message_expires_when_the_clock_says_so(
    mesh: Mesh, agent: Agent, moved: Clock
) -> None:
    echoing(agent)
    task = await mesh.send_direct_message(agent.name, "milk", expires_in=86_400)
    moved.move(days=1)
    async with mesh.serve(agent):
        with pytest.raises(TaskFailed, match="expired"):
            await task.result(timeout=10)
    (letter,) = await mesh.dead_letters(agent.name)
    assert letter.task_id == task.task_id


async def test_a_running_task_is_stopped_at_its_deadline(
    mesh: Mesh, agent: Agent, moved: Clock
) -> None:
    at_work = asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> None:  # pyright: ignore[reportUnusedFunction]
        at_work.set()
        await asyncio.Event().wait()

    async with mesh.serve(agent):
        task = await mesh.send_direct_message(agent.name, "hurry", timeout=3_600)
        await asyncio.wait_for(at_work.wait(), 10)
        moved.move(hours=1)
        began = time.monotonic()
        with pytest.raises(TaskFailed, match="deadline"):
            await task.result(timeout=10)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("error", [ValueError("no"), Retry(after=60)])
async def test_a_retry_comes_when_the_clock_gets_there(
    mesh: Mesh, agent: Agent, moved: Clock, error: Exception
) -> None:
    @agent.agentic_run
    async def work(task: Task) -> int:  # pyright: ignore[reportUnusedFunction]
        if task.attempt == 1:
            raise error
        return task.attempt

    async with mesh.serve(agent):
        task, began = await mesh.send_direct_message(agent.name, "try"), time.monotonic()
        async for event in task.events():
            if event.kind == "retrying":
                moved.move(minutes=1, seconds=15)  # the pause is 60 s, and up to a fifth more
                began = time.monotonic()
        assert await task.result(timeout=10) == 2
        assert time.monotonic() - began < 1


def test_the_clock_goes_on_and_is_given_back() -> None:
    with clock() as moved:
        moved.move(hours=3)
        with clock() as inner:
            inner.move(hours=1)
            assert moved.now - datetime.now(UTC) > timedelta(hours=3, minutes=59)
        assert moved.now - datetime.now(UTC) < timedelta(hours=3, minutes=1)
    assert not wire_clock.is_moved()
    assert abs(wire_clock.seconds() - time.time()) < 1


def test_the_clock_does_not_go_backwards() -> None:
    with clock() as moved:
        with pytest.raises(ValueError, match="backwards"):
            moved.move(minutes=-1)
        with pytest.raises(ValueError, match="backwards"):
            moved.move_to(datetime(2001, 1, 1, tzinfo=UTC))
