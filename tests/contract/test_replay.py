"""A recorded run against today's code: whether it fits, where it departs, and nothing is done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import hubbub
from hubbub import Agent, AgentUnavailable, Task, TaskNotFound

from .flows import Flow, answered, asked, failure, logged
from .kit import PATIENCE

Name = Callable[[str], str]


async def recorded(flow: Flow, *answers: str) -> hubbub.TaskHandle:
    """A run of `base`, answered so far."""
    async with flow.served(base):
        handle = await flow.start()
        for answer in answers:
            await asked(handle)
            await answered(handle, answer)
        if len(answers) == 2:
            await handle.result(timeout=PATIENCE)
        else:
            await asked(handle)
    return handle


async def base(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.say("hello")
    who = await task.ask_text("Who?")
    await task.step(str, "b", name="second")
    return f"{who} {await task.ask_text('And?')}"


async def renamed(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.say("hello")
    await task.ask_text("Who?")
    await task.step(str, "b", name="another")
    return "done"


async def reworded(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.say("hello")
    await task.ask_text("Whom?")
    return "done"


async def says_else(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.say("good morning")
    who = await task.ask_text("Who?")
    await task.step(str, "b", name="second")
    return f"{who} {await task.ask_text('And?')}"


async def shorter(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.say("hello")
    return await task.ask_text("Who?")


async def ends_otherwise(task: Task) -> str:
    await base(task)
    return "something else"


@pytest.mark.parametrize("answers", [(), ("Ada",), ("Ada", "Bob")])
async def test_the_same_code_fits_as_far_as_the_record_goes(
    flow: Flow, answers: tuple[str, ...]
) -> None:
    handle = await recorded(flow, *answers)
    before = await handle.stored_log()
    async with flow.served(base):
        report = await flow.mesh.replay_task(handle.task_id)
    assert report.fits, report
    assert (report.task_id, report.agent, report.departs_at) == (handle.task_id, flow.name, "")
    assert await handle.stored_log() == before


async def test_another_wording_is_told_and_keeps_no_run_from_going_on(flow: Flow) -> None:
    handle = await recorded(flow, "Ada", "Bob")
    async with flow.served(says_else):
        report = await flow.mesh.replay_task(handle.task_id)
    assert report.fits
    assert report.message.endswith("it says something else at said#1")


@pytest.mark.parametrize(
    ("code", "departs_at"),
    [
        (renamed, "step:second#1"),
        (reworded, None),
        (shorter, "step:second#1"),
        (ends_otherwise, ""),
    ],
)
async def test_other_code_departs_where_it_differs(
    flow: Flow, code: Any, departs_at: str | None
) -> None:
    handle = await recorded(flow, "Ada", "Bob")
    before = await handle.stored_log()
    async with flow.served(code):
        report = await flow.mesh.replay_task(handle.task_id)
    assert not report.fits
    assert report.recorded != report.found
    assert report.message
    if departs_at is not None:
        assert report.departs_at == departs_at
    assert await handle.stored_log() == before


async def test_nothing_is_done_and_nobody_is_told(flow: Flow, name: Name) -> None:
    done, other = Counter[str](), Agent(name("Other"))

    @other.run
    def answer(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        done[text] += 1
        return "answer"

    @other.agentic_run
    def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        done[task.content] += 1
        return "result"

    async def work(task: Task) -> Any:
        await task.step(lambda: done.update(["step"]), name="step")
        reply = await task.request_from_agent(other.name, "request")
        child = await task.send_direct_message(other.name, "child")
        result = await child.result()
        await task.broadcast_message("hear")
        await asyncio.gather(*(task.step(done.update, [f"side {n}"]) for n in range(2)))
        return [reply.content, result, await task.ask_text("Who?")]

    async def longer(task: Task) -> Any:
        found = await work(task)
        await task.step(lambda: done.update(["new step"]), name="new step")
        await task.send_direct_message(other.name, "new child")
        return found

    async with flow.mesh.serve(other):
        async with flow.served(work):
            handle = await flow.start()
            await asked(handle)
            report = await flow.mesh.replay_task(handle.task_id)
            assert report.fits, report
            assert report.steps == 4
            await handle.answer("Ada")
            assert await handle.result(timeout=PATIENCE) == ["answer", "result", "Ada"]
            assert (await flow.mesh.replay_task(handle.task_id)).fits
        async with flow.served(longer):
            report = await flow.mesh.replay_task(handle.task_id)
            assert not report.fits
    assert set(done.values()) == {1}
    assert "new step" not in done
    assert len(await logged(handle, "sent")) == 1


async def test_a_run_that_failed_fits_if_it_fails_again(flow: Flow) -> None:
    async def work(task: Task) -> None:
        await task.step(str, "a")
        raise hubbub.Reject("not mine")

    async def better(task: Task) -> str:
        await task.step(str, "a")
        return "mine"

    async with flow.served(work):
        handle = await flow.start()
        await failure(handle)
        assert (await flow.mesh.replay_task(handle.task_id)).fits
    async with flow.served(better):
        report = await flow.mesh.replay_task(handle.task_id)
        assert not report.fits
        assert report.recorded != report.found


async def test_what_cannot_be_replayed_says_why(flow: Flow) -> None:
    with pytest.raises(TaskNotFound):
        await flow.mesh.replay_task("nothing")
    handle = await recorded(flow)
    with pytest.raises(AgentUnavailable):
        await flow.mesh.replay_task(handle.task_id)
    await handle.cancel()
