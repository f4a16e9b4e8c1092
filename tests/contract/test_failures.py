"""Handlers that fail: tried again with a pause, then a dead letter that tells everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

import hubbub
from hubbub import Agent, NATSConfig, Reject, Retry, Task, TaskFailed, TaskState

from .kit import dead_letters, listener, take

Name = Callable[[str], str]


class Unspeakable(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


async def test_a_failing_handler_is_tried_again_and_may_then_succeed(
    config: NATSConfig, name: Name
) -> None:
    worker, attempts = Agent(name("Worker")), list[int]()

    @worker.agentic_run
    async def work(task: Task) -> str:
        attempts.append(task.attempt)
        if task.attempt == 1:
            raise ValueError("not yet")
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"
        assert attempts == [1, 2]
        events = [event async for event in handle.events()]
        assert [event.kind for event in events] == ["claimed", "retrying", "claimed", "completed"]
        assert events[1].data["error"] == "ValueError: not yet"
        assert not await dead_letters(mesh, worker.name)


async def test_the_pauses_between_attempts_grow(config: NATSConfig, name: Name) -> None:
    worker, times = Agent(name("Worker")), list[float]()
    patient = config.model_copy(update={"max_attempts": 4})

    @worker.agentic_run
    async def work(task: Task) -> None:
        times.append(time.monotonic())
        raise ValueError("never")

    async with hubbub.connect(config=patient) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match="never"):
            await handle.result(timeout=10)
        planned = [e.data["after"] async for e in handle.events() if e.kind == "retrying"]
    assert len(times) == 4
    pauses = [after - before for before, after in pairwise(times)]
    for pause, after, usual in zip(pauses, planned, (0.05, 0.1, 0.2), strict=True):
        assert 0.79 * usual <= after <= 1.21 * usual
        assert after * 0.9 <= pause <= after + 2


async def test_after_the_last_attempt_the_task_is_a_dead_letter_with_all_that_is_known(
    config: NATSConfig, name: Name
) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))

    @worker.agentic_run
    async def work(task: Task) -> None:
        raise ValueError(f"attempt {task.attempt}: ü\nsecond line")

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go", metadata={"k": 1})
        with pytest.raises(TaskFailed, match="attempt 2: ü") as failed:
            await handle.result(timeout=10)
        assert failed.value.task_id == handle.task_id
        assert failed.value.state == "failed"
        assert await handle.state() == TaskState.FAILED
        (completion,) = await take(heard, 1)
        assert completion.in_reply_to == handle.task_id
        assert completion.metadata["state"] == "failed"
        assert "attempt 2: ü" in completion.metadata["error"]
        ((letter, payload),) = await dead_letters(mesh, worker.name)
    assert letter.task_id == handle.task_id
    assert letter.errors == [f"ValueError: attempt {n}: ü\nsecond line" for n in (1, 2)]
    assert "attempt 2" in letter.reason
    assert letter.subject.startswith("agents.direct.")
    assert letter.headers["Nats-Msg-Id"] == handle.task_id
    assert letter.inbox_sequence > 0
    assert not letter.truncated
    message = hubbub.AgentMessage.from_bytes(payload)
    assert (message.content, message.metadata) == ("go", {"k": 1})


async def test_a_failed_task_does_not_keep_its_agent_from_the_next(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        if task.content == "bad":
            raise ValueError(task.content)
        return task.content

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        bad = await mesh.send_direct_message(worker.name, "bad")
        good = await mesh.send_direct_message(worker.name, "good")
        assert await good.result(timeout=10) == "good"
        with pytest.raises(TaskFailed):
            await bad.result(timeout=10)


async def test_a_handler_may_ask_for_another_attempt_after_some_time(
    config: NATSConfig, name: Name
) -> None:
    worker, times = Agent(name("Worker")), list[float]()

    @worker.agentic_run
    async def work(task: Task) -> str:
        times.append(time.monotonic())
        if task.attempt == 1:
            raise Retry("busy", after=0.3)
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"
        (retrying,) = [e async for e in handle.events() if e.kind == "retrying"]
    assert retrying.data["after"] == 0.3
    assert retrying.data["error"] == "busy"
    assert times[1] - times[0] >= 0.29


async def test_a_handler_may_reject_a_task_for_good(config: NATSConfig, name: Name) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))

    @worker.agentic_run
    async def work(task: Task) -> None:
        raise Reject("not my kind of work")

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match="not my kind of work") as failed:
            await handle.result(timeout=10)
        assert failed.value.state == "rejected"
        assert await handle.state() == TaskState.REJECTED
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "rejected"
        assert completion.content == "not my kind of work"
        assert [e.kind async for e in handle.events()] == ["claimed", "rejected"]
        assert not await dead_letters(mesh, worker.name)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x" * 1_000_000),
        ValueError("☃" * 100_000),
        ValueError("a lone \ud800 surrogate"),
        ValueError(),
        Unspeakable(),
        Retry(),
    ],
    ids=["long", "snow", "surrogate", "empty", "unspeakable", "retry"],
)
async def test_any_error_is_told_and_kept(
    config: NATSConfig, name: Name, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "hubbub")  # pytest cannot carry lone surrogates in its reports
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))

    @worker.agentic_run
    async def work(task: Task) -> None:
        raise error

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed):
            await handle.result(timeout=10)
        (completion,) = await take(heard, 1)
        assert 0 < len(str(completion.content)) < 3_000
        ((letter, _),) = await dead_letters(mesh, worker.name)
        assert letter.reason
        assert len(letter.errors) == 2


async def test_a_sync_handler_that_fails_is_treated_no_differently(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    def work(task: Task) -> str:
        if task.attempt == 1:
            raise StopIteration("an error that futures do not take")
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"


@pytest.mark.parametrize("style", ["async", "sync"])
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
async def test_a_handler_that_wants_to_end_the_process_ends_its_task_alone(
    config: NATSConfig, name: Name, style: str, error: BaseException
) -> None:
    worker = Agent(name("Worker"), concurrency=2)

    async def work(task: Task) -> str:
        if task.content == "bad":
            raise error
        return task.content

    def work_in_thread(task: Task) -> str:
        if task.content == "bad":
            raise error
        return task.content

    worker.agentic_run(work if style == "async" else work_in_thread)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        bad = await mesh.send_direct_message(worker.name, "bad")
        good = await mesh.send_direct_message(worker.name, "good")
        assert await good.result(timeout=10) == "good"
        with pytest.raises(TaskFailed, match=type(error).__name__):
            await bad.result(timeout=10)
        with pytest.raises(hubbub.RemoteError, match=type(error).__name__):
            await mesh.request_from_agent(worker.name, "bad", timeout=10)


async def test_a_cancellation_that_nobody_asked_for_is_a_failed_attempt(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        if task.attempt == 1:
            inner = asyncio.ensure_future(asyncio.Event().wait())
            inner.cancel()
            await inner
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"
        assert [event.kind async for event in handle.events()] == [
            "claimed",
            "retrying",
            "claimed",
            "completed",
        ]
