"""What a handler has left running when its task was over: no more is done for that task."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from hubbub import Task, TaskCanceled

from .flows import Flow
from .kit import PATIENCE, soon


async def test_a_thread_that_cannot_be_stopped_begins_with_no_more_steps(flow: Flow) -> None:
    begun, going, is_over = asyncio.Event(), threading.Event(), threading.Event()
    loop, done = asyncio.get_running_loop(), list[str]()

    def work(task: Task) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            going.wait(PATIENCE)
            task.blocking.step(done.append, "too late")
        finally:
            is_over.set()

    async with flow.served(work):
        handle = await flow.start()
        await soon(begun.wait())
        await handle.cancel()
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=PATIENCE)
        going.set()
        assert await asyncio.to_thread(is_over.wait, PATIENCE)
        assert done == []


async def test_an_asyncio_task_begins_with_no_more_steps(flow: Flow) -> None:
    going, left, done = asyncio.Event(), list[asyncio.Task[None]](), list[str]()

    async def work(task: Task) -> str:
        async def beside() -> None:
            await going.wait()
            await task.step(done.append, "too late", name="beside")

        left.append(asyncio.create_task(beside()))
        return "done"

    assert await flow.result(work) == "done"
    going.set()
    await asyncio.wait(left)
    assert "has ended" in str(left[0].exception())
    assert done == []


async def test_what_a_thread_waits_for_is_stopped_with_its_task(flow: Flow) -> None:
    begun, is_stopped, is_over = asyncio.Event(), asyncio.Event(), threading.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_stopped.set()

    def work(task: Task) -> None:
        try:
            task.blocking.step(forever)  # pyright: ignore[reportUnusedCoroutine] - it is awaited
        finally:
            is_over.set()

    async with flow.served(work):
        handle = await flow.start()
        await soon(begun.wait())
        await handle.cancel()
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=PATIENCE)
        await soon(is_stopped.wait())
        assert await asyncio.to_thread(is_over.wait, PATIENCE)


@pytest.mark.parametrize("nested", ["handler", "step"])
async def test_a_sync_function_may_return_a_coroutine(flow: Flow, nested: str) -> None:
    async def inner(task: Task) -> int:
        return await task.step(len, "abc")

    def handler(task: Task) -> Any:
        return inner(task)

    async def stepping(task: Task) -> int:
        return await task.step(lambda: inner(task), name="outer")

    assert await flow.result(handler if nested == "handler" else stepping) == 3
