"""Canceling a task: before anybody has it, while it runs, between attempts, too late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

import hubbub
from hubbub import Agent, NATSConfig, Task, TaskCanceled, TaskState

from .kit import inbox_of, listener, soon, take, until

Name = Callable[[str], str]


async def test_a_task_that_nobody_has_yet_is_canceled_at_once_and_never_starts(
    config: NATSConfig, name: Name
) -> None:
    worker, (boss, heard), worked = Agent(name("Worker")), listener(name("Boss")), list[str]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        worked.append(task.content)

    async with hubbub.connect(config=config) as mesh, mesh.serve(boss):
        handle = await boss.send_direct_message(worker.name, "canceled")
        await handle.cancel()
        assert await handle.state() == TaskState.CANCELED
        with pytest.raises(TaskCanceled) as canceled:
            await handle.result(timeout=10)
        assert canceled.value.task_id == handle.task_id
        async with mesh.serve(worker):
            other = await boss.send_direct_message(worker.name, "other")
            await other.result(timeout=10)
            completions = await take(heard, 2)
        assert [c.metadata["state"] for c in completions] == ["canceled", "completed"]
        assert completions[0].in_reply_to == handle.task_id
        assert not await inbox_of(mesh, worker.name)
    assert worked == ["other"]


async def test_a_running_handler_is_canceled_as_asyncio_tasks_are(
    config: NATSConfig, name: Name
) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))
    going, cleaned = asyncio.Event(), list[bool]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        going.set()
        try:
            await asyncio.Event().wait()
        finally:
            await task.say("cleaning up")
            cleaned.append(task.cancelled)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "long")
        await soon(going.wait())
        await handle.cancel()
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=10)
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "canceled"
        assert [e.kind async for e in handle.events()] == ["claimed", "said", "canceled"]
    assert cleaned == [True]


async def test_canceling_in_the_instant_in_which_a_task_starts_works(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"), concurrency=10)

    @worker.agentic_run
    async def work(task: Task) -> None:
        await asyncio.Event().wait()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):

        async def send_and_cancel(number: int) -> TaskState:
            handle = await mesh.send_direct_message(worker.name, str(number))
            await handle.cancel()
            with pytest.raises(TaskCanceled):
                await handle.result(timeout=10)
            return await handle.state()

        states = await asyncio.gather(*map(send_and_cancel, range(40)))
    assert set(states) == {TaskState.CANCELED}


async def test_a_sync_handler_sees_that_it_is_canceled(config: NATSConfig, name: Name) -> None:
    worker, going, seen = Agent(name("Worker")), threading.Event(), threading.Event()

    @worker.agentic_run
    def work(task: Task) -> None:
        going.set()
        while not task.cancelled:
            threading.Event().wait(0.01)
        seen.set()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "long")
        assert await asyncio.to_thread(going.wait, 10)
        await handle.cancel()
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=10)
        assert await asyncio.to_thread(seen.wait, 10)


async def test_a_task_canceled_between_two_attempts_gets_no_other(
    config: NATSConfig, name: Name
) -> None:
    worker, attempts = Agent(name("Worker")), list[int]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        attempts.append(task.attempt)
        raise hubbub.Retry("later", after=0.5)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        async for event in handle.events():
            if event.kind == "retrying":
                await handle.cancel()
                break
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=10)
    assert attempts == [1]


async def test_canceling_what_has_ended_changes_nothing(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"
        await handle.cancel()
        await handle.cancel()
        assert await handle.state() == TaskState.COMPLETED
        assert await handle.result(timeout=10) == "done"


async def test_canceling_twice_is_canceling_once(config: NATSConfig, name: Name) -> None:
    worker, going = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> None:
        going.set()
        await asyncio.Event().wait()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        waiting = await mesh.send_direct_message(name("Nobody"), "go")
        await waiting.cancel()
        await waiting.cancel()
        assert await waiting.state() == TaskState.CANCELED
        running = await mesh.send_direct_message(worker.name, "go")
        await soon(going.wait())
        await asyncio.gather(running.cancel(), running.cancel())

        async def is_canceled() -> bool:
            return await running.state() == TaskState.CANCELED

        await until(is_canceled)


async def test_a_handler_that_finishes_all_the_same_has_finished(
    config: NATSConfig, name: Name
) -> None:
    worker, going = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> str:
        going.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "half of it"
        return "all of it"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        await soon(going.wait())
        await handle.cancel()
        assert await handle.result(timeout=10) == "half of it"


async def test_cancel_reaches_what_a_task_has_opened(config: NATSConfig, name: Name) -> None:
    worker, helper, (boss, heard) = (
        Agent(name("Worker")),
        Agent(name("Helper")),
        listener(name("Boss")),
    )
    busy = asyncio.Event()
    stopped: list[str] = []

    @worker.agentic_run
    async def work(task: Task) -> None:
        await task.send_direct_message(helper.name, "first")
        await task.handoff_to_agent(helper.name, "handed over")
        await task.send_direct_message(name("Nobody"), "never begun")
        await asyncio.Event().wait()

    @helper.agentic_run
    async def help_out(task: Task) -> None:
        if task.content != "grandchild":
            await task.send_direct_message(helper.name, "grandchild", priority=5)
        busy.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(task.content)

    helper.concurrency = 4
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, helper, boss):
        handle = await boss.send_direct_message(worker.name, "go")
        await soon(busy.wait())

        async def four_at_work() -> bool:
            working = await mesh.tasks(helper.name, state="working")
            return len(working.tasks) == 4

        await until(four_at_work)
        await handle.cancel()
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "canceled"

        async def all_canceled() -> bool:
            page = await mesh.tasks(context=handle.task_id)
            return {task.state for task in page.tasks} == {TaskState.CANCELED}

        await until(all_canceled)
        page = await mesh.tasks(context=handle.task_id)
        assert len(page.tasks) == 6
        parents = {task.content: task.parent for task in page.tasks}
    assert sorted(stopped) == ["first", "grandchild", "grandchild", "handed over"]
    assert parents["first"] == (worker.card.token, handle.task_id)


async def test_a_handler_that_fails_while_it_is_canceled_is_canceled(
    config: NATSConfig, name: Name
) -> None:
    worker, going = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> None:
        going.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("even the cleaning up failed")

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        await soon(going.wait())
        await handle.cancel()
        with pytest.raises(TaskCanceled, match="cleaning up failed"):
            await handle.result(timeout=10)
