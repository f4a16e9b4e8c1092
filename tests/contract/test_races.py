"""What goes on at the same time within one run: nothing is cut off, forgotten, or mistaken."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hubbub import AgentMessage, Task, TaskHandle
from hubbub.mesh.tasks.log import TaskLog
from hubbub.testing import clock
from hubbub.wire import agent_token

from .flows import Flow, answered, asked, at_rest, logged
from .kit import PATIENCE, inbox_of, soon, stored, until


async def _end(flow: Flow, child: TaskHandle, result: str) -> None:
    """Let a task that nobody works on end, of which its parent has not been told yet."""
    agent = agent_token(child.agent)
    log = TaskLog(flow.mesh.connection, agent, child.task_id, context=child.task_id)
    await log.append("claimed", {"instance": "i", "attempt": 1})
    await log.append("completed", {"result": result})


async def test_two_questions_in_a_step_do_not_cut_off_another_step(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> Any:
        async def both() -> list[str]:
            questions = task.ask_text("First?"), task.ask_text("Second?")
            return [*await asyncio.gather(*questions)]

        async def slow() -> str:
            runs["slow"] += 1
            await asyncio.sleep(0.3)
            return "done"

        return await asyncio.gather(task.step(both), task.step(slow))

    async with flow.served(work):
        handle = await flow.start()
        for question in await asked(handle, 2):
            await answered(handle, question.prompt, question.id)
        assert await handle.result(timeout=PATIENCE) == [["First?", "Second?"], "done"]
    kinds = [event.kind for event in await logged(handle, "step", "parked")]
    assert kinds[:2] == ["step", "parked"]
    assert runs["slow"] == 1


async def test_who_sees_the_end_of_a_task_first_lets_the_others_go_on(flow: Flow) -> None:
    going, children = asyncio.Event(), asyncio.Queue[TaskHandle]()

    async def work(task: Task) -> Any:
        child = await task.send_direct_message(f"{flow.name}-child", "go")
        await children.put(child)

        async def first() -> Any:
            with task.branch("first"):
                return await child.result()

        async def second() -> Any:
            with task.branch("second"):
                await task.step(going.wait)
                return await child.result()

        return await asyncio.gather(first(), second())

    async with flow.served(work):
        handle = await flow.start()
        child = await soon(children.get())
        await _end(flow, child, "ended")
        going.set()
        assert await handle.result(timeout=PATIENCE) == ["ended", "ended"]


async def test_a_time_that_comes_after_the_end_was_seen_changes_nothing(flow: Flow) -> None:
    children = asyncio.Queue[TaskHandle]()

    async def work(task: Task) -> Any:
        child = await task.send_direct_message(f"{flow.name}-child", "go")
        await children.put(child)
        found = await asyncio.gather(task.ask_text("First?"), child.result(timeout=3_600))
        return [*found, await task.ask_text("Second?")]

    with clock() as time:
        async with flow.served(work):
            handle = await flow.start()
            await asked(handle)
            child = await soon(children.get())
            await _end(flow, child, "ended")
            await answered(handle, "one")
            (second,) = await asked(handle)
            assert second.prompt == "Second?"
            time.move(hours=2)

            async def has_passed() -> bool:
                return not await stored(
                    flow.mesh, "WAKE", f"tasks.{agent_token(flow.name)}.{handle.task_id}.in.*"
                )

            await until(has_passed)
            await at_rest(handle)
            await answered(handle, "two")
            assert await handle.result(timeout=PATIENCE) == ["one", "ended", "two"]


async def test_messages_sent_side_by_side_are_sent_once_in_whatever_order(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> None:
        runs["work"] += 1
        second = "b" if runs["work"] == 1 else "a"
        has_sent = asyncio.Event()

        async def send(text: str) -> None:
            if text == second:
                await has_sent.wait()
            await task.send_direct_message(f"{flow.name}-child", text)
            if runs["work"] == 1:
                raise RuntimeError("cut off")
            has_sent.set()

        async with asyncio.TaskGroup() as group:
            for text in ("a", "b"):
                group.create_task(send(text))

    assert await flow.result(work) is None
    assert runs["work"] == 2
    assert await _said_to_child(flow) == ["a", "b"]


async def test_a_thread_that_words_its_messages_anew_sends_each_once(flow: Flow) -> None:
    runs = Counter[str]()

    def work(task: Task) -> None:
        runs["work"] += 1
        for number in range(2):
            task.blocking.send_direct_message(f"{flow.name}-child", f"{number} in {runs['work']}")
        if runs["work"] == 1:
            raise RuntimeError("cut off")

    assert await flow.result(work) is None
    assert await _said_to_child(flow) == ["0 in 1", "1 in 1"]


async def _said_to_child(flow: Flow) -> list[str]:
    inbox = await inbox_of(flow.mesh, f"{flow.name}-child")
    return sorted(AgentMessage.from_bytes(one.data).text for one in inbox)
