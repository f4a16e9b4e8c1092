"""Lists of tasks: in every state, of an agent or a conversation, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import hubbub
from hubbub import (
    Agent,
    InvalidCursor,
    InvalidMessage,
    Mesh,
    NATSConfig,
    Reject,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskSummary,
)

from .kit import soon, until

Name = Callable[[str], str]


async def listed(mesh: Mesh, agent: str, *, limit: int) -> list[TaskSummary]:
    """All tasks of an agent, page by page."""
    tasks: list[TaskSummary] = []
    before: str | None = None
    while True:
        page = await mesh.tasks(agent, limit=limit, before=before)
        assert len(page.tasks) <= limit
        tasks += page.tasks
        before = page.before
        if before is None:
            return tasks


def worker_of_all_states(name: str, hold: asyncio.Event) -> Agent:
    worker = Agent(name)

    @worker.agentic_run
    async def work(task: Task) -> str:
        match task.content:
            case "fail":
                raise InvalidMessage("no way")
            case "reject":
                raise Reject("not mine")
            case "hold":
                await task.progress("half way")
                await hold.wait()
            case _:
                pass
        return f"{task.content} done"

    return worker


async def test_tasks_are_listed_in_every_state(config: NATSConfig, name: Name) -> None:
    hold = asyncio.Event()
    worker = worker_of_all_states(name("Worker"), hold)
    async with hubbub.connect(config=config, name="Ada") as mesh, mesh.serve(worker):
        done = await mesh.send_direct_message(worker.name, "work", metadata={"k": 1}, priority=4)
        await done.result(timeout=10)
        failed = await mesh.send_direct_message(worker.name, "fail")
        rejected = await mesh.send_direct_message(worker.name, "reject")
        for handle in (failed, rejected):
            with pytest.raises(TaskFailed):
                await handle.result(timeout=10)
        working = await mesh.send_direct_message(worker.name, "hold")

        async def at_work() -> bool:
            return await working.state() == "working"

        await until(at_work)
        waiting = await mesh.send_direct_message(worker.name, "wait")
        canceled = await mesh.send_direct_message(worker.name, "cancel")
        await canceled.cancel()

        page = await mesh.tasks(worker.name)
        assert page.before is None
        states = {task.id: str(task.state) for task in page.tasks}
        assert states == {
            done.task_id: "completed",
            failed.task_id: "failed",
            rejected.task_id: "rejected",
            working.task_id: "working",
            waiting.task_id: "submitted",
            canceled.task_id: "canceled",
        }
        times = [task.updated_at for task in page.tasks]
        assert [task.id for task in page.tasks[-3:]] == [
            rejected.task_id,
            failed.task_id,
            done.task_id,
        ], times

        (never,) = (await mesh.tasks(worker.name, state="canceled")).tasks
        assert (never.content, never.from_agent) == ("cancel", "Ada")
        (first,) = (await mesh.tasks(worker.name, state="completed")).tasks
        assert first.agent == worker.name
        assert (first.from_agent, first.content, first.metadata) == ("Ada", "work", {"k": 1})
        assert (first.result, first.error, first.attempt, first.priority) == (
            "work done",
            "",
            1,
            4,
        )
        assert first.context_id == done.task_id
        assert first.created_at < first.updated_at
        (failure,) = (await mesh.tasks(worker.name, state="failed")).tasks
        assert failure.error == "no way"
        some = await mesh.tasks(worker.name, state=["working", "submitted"])
        assert {task.id for task in some.tasks} == {working.task_id, waiting.task_id}
        hold.set()
        await waiting.result(timeout=10)


async def test_pages_show_every_task_once(config: NATSConfig, name: Name) -> None:
    worker = worker_of_all_states(name("Worker"), asyncio.Event())
    async with hubbub.connect(config=config) as mesh:
        async with mesh.serve(worker):
            handles = [await mesh.send_direct_message(worker.name, f"{n}") for n in range(13)]
            await asyncio.gather(*(handle.result(timeout=10) for handle in handles))
        handles += [await mesh.send_direct_message(worker.name, f"{n}") for n in range(8)]
        for limit in (1, 4, 7, 100):
            tasks = await listed(mesh, worker.name, limit=limit)
            assert [task.id for task in tasks] == [h.task_id for h in reversed(handles)]


async def test_a_page_stays_right_while_tasks_move_on(config: NATSConfig, name: Name) -> None:
    worker = worker_of_all_states(name("Worker"), asyncio.Event())
    async with hubbub.connect(config=config) as mesh:
        handles = [await mesh.send_direct_message(worker.name, f"{n}") for n in range(10)]
        page = await mesh.tasks(worker.name, limit=5)
        async with mesh.serve(worker):
            await asyncio.gather(*(handle.result(timeout=10) for handle in handles))
        # All have changed since: they stand before the first page now.
        rest = await mesh.tasks(worker.name, limit=50, before=page.before)
        again = await listed(mesh, worker.name, limit=3)
    assert {task.id for task in rest.tasks} <= {handle.task_id for handle in handles}
    assert len({task.id for task in again}) == len(again) == 10


async def test_tasks_of_a_conversation_are_found_over_all_agents(
    config: NATSConfig, name: Name
) -> None:
    chief, helper = Agent(name("Chief")), Agent(name("Helper"))

    @chief.agentic_run
    async def lead(task: Task) -> None:
        part = await task.send_direct_message(helper.name, "part")
        await part.result(timeout=10)
        await task.send_direct_message(name("Absent"), "later")

    @helper.agentic_run
    async def help_out(task: Task) -> None:
        pass

    async with hubbub.connect(config=config) as mesh, mesh.serve(chief, helper):
        handle = await mesh.send_direct_message(chief.name, "whole")
        other = await mesh.send_direct_message(chief.name, "another")
        await handle.result(timeout=10)
        await other.result(timeout=10)
        page = await mesh.tasks(context=handle.task_id)
    assert [task.content for task in page.tasks] == ["whole", "later", "part"]
    parents = [task.parent for task in page.tasks]
    assert parents == [None, (chief.card.token, handle.task_id), (chief.card.token, handle.task_id)]


async def test_a_task_is_found_by_its_id_alone(config: NATSConfig, name: Name) -> None:
    worker = worker_of_all_states(name("Worker"), asyncio.Event())
    async with hubbub.connect(config=config) as mesh:
        waiting = await mesh.send_direct_message(worker.name, "wait")
        forgotten = await mesh.send_direct_message(worker.name, "forget")
        await mesh.task(worker.name, forgotten.task_id).cancel()
        assert (await mesh.find_task(forgotten.task_id)).content == "forget"
        found = await mesh.find_task(waiting.task_id)
        assert (found.agent, found.state, found.content) == (worker.name, "submitted", "wait")
        async with mesh.serve(worker):
            handle = mesh.task(found.agent, found.id)
            assert await handle.result(timeout=10) == "wait done"
        found = await mesh.find_task(waiting.task_id)
        assert (found.agent, found.state, found.result) == (worker.name, "completed", "wait done")
        for unknown in ("no-such-task", "no such *", ""):
            with pytest.raises(TaskNotFound):
                await mesh.find_task(unknown)


async def test_what_is_not_understood_is_said_so(config: NATSConfig, name: Name) -> None:
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(InvalidCursor):
            await mesh.tasks(before="yesterday")
        with pytest.raises(ValueError, match="asleep"):
            await mesh.tasks(state="asleep")
        assert not (await mesh.tasks(name("Stranger"))).tasks


async def test_events_can_be_followed_from_any_point(config: NATSConfig, name: Name) -> None:
    hold = asyncio.Event()
    worker = worker_of_all_states(name("Worker"), hold)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "hold")
        seen: list[tuple[int, str]] = []
        async for sequence, event in handle.log():
            seen.append((sequence, event.kind))
            if event.kind == "progress":
                hold.set()
        assert [kind for _, kind in seen] == ["claimed", "progress", "completed"]
        for number, (sequence, _) in enumerate(seen[:-1]):
            rest = [event.kind async for event in handle.events(after=sequence)]
            assert rest == [kind for _, kind in seen[number + 1 :]]
        # Behind the end there is nothing to wait for.
        assert await soon(anext(aiter(handle.events(after=seen[-1][0])), None)) is None
