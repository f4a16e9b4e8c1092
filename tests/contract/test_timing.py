"""Messages that are not to be worked on yet, or not any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

import hubbub
from hubbub import Agent, InvalidMessage, NATSConfig, Retry, Task, TaskFailed, TaskState

from .kit import dead_letters, inbox_of, listener, soon, take

Name = Callable[[str], str]


def times(worker: Agent) -> list[float]:
    """Let an agent note when each of its tasks begins."""
    begun: list[float] = []

    @worker.agentic_run
    async def work(task: Task) -> str:
        begun.append(time.time())
        return task.content

    return begun


async def test_a_delayed_message_waits_and_lets_others_pass(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        sent = time.time()
        late = await mesh.send_direct_message(worker.name, "late", deliver_in=0.5)
        soon_done = await mesh.send_direct_message(worker.name, "at once")
        assert await soon_done.result(timeout=10) == "at once"
        assert await late.state() == TaskState.SUBMITTED
        assert await late.result(timeout=10) == "late"
        events = [event.kind async for event in late.events()]
    assert begun[1] - sent >= 0.5
    assert begun[0] - sent < 0.5
    assert events == ["claimed", "completed"]


async def test_a_message_can_be_sent_for_a_moment_and_handed_off_for_one(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        moment = datetime.now(UTC) + timedelta(seconds=0.3)
        first = await mesh.send_direct_message(worker.name, "1", deliver_at=moment)
        second = await mesh.handoff_to_agent(worker.name, "2", deliver_at=moment)
        await first.result(timeout=10)
        await second.result(timeout=10)
    assert min(begun) >= moment.timestamp()


async def test_a_delayed_message_waits_for_an_agent_that_comes_later(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh:
        sent = time.time()
        handle = await mesh.send_direct_message(worker.name, "late", deliver_in=0.4)
        async with mesh.serve(worker):
            await handle.result(timeout=10)
    assert begun[0] - sent >= 0.4


async def test_a_delayed_task_can_be_canceled(config: NATSConfig, name: Name) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "never", deliver_in=0.3)
        await handle.cancel()
        assert await handle.state() == TaskState.CANCELED
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "canceled"
    assert not begun


async def test_an_expired_message_fails_and_is_a_dead_letter(
    config: NATSConfig, name: Name
) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh, mesh.serve(boss):
        handle = await boss.send_direct_message(worker.name, "news", expires_in=0.05)
        await asyncio.sleep(0.1)  # its time passes
        async with mesh.serve(worker):
            with pytest.raises(TaskFailed, match="expired"):
                await handle.result(timeout=10)
            (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "failed"
        ((letter, payload),) = await dead_letters(mesh, worker.name)
        assert "expired" in letter.reason
        assert hubbub.AgentMessage.from_bytes(payload).content == "news"
        page = await mesh.tasks(worker.name)
        assert [(task.state, task.content) for task in page.tasks] == [("failed", "news")]
        assert not await inbox_of(mesh, worker.name)
    assert not begun


async def test_what_has_begun_does_not_expire(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        if task.attempt == 1:
            raise Retry(after=0.3)
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go", expires_in=0.25)
        assert await handle.result(timeout=10) == "done"


@pytest.mark.parametrize("style", ["async", "sync"])
async def test_a_task_that_takes_too_long_is_stopped_and_fails(
    config: NATSConfig, name: Name, style: str
) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    async def work(task: Task) -> None:
        assert task.deadline is not None
        assert 0 < (task.deadline - datetime.now(UTC)).total_seconds() <= 0.3
        try:
            await asyncio.Event().wait()
        finally:
            assert task.cancelled
            stopped.set()

    def work_in_thread(task: Task) -> None:
        while not task.cancelled:
            time.sleep(0.01)
        loop.call_soon_threadsafe(stopped.set)

    worker.agentic_run(work if style == "async" else work_in_thread)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go", timeout=0.3)
        with pytest.raises(TaskFailed, match="deadline"):
            await handle.result(timeout=10)
        await soon(stopped.wait())
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "failed"
        assert [event.kind async for event in handle.events()] == ["claimed", "failed"]
        assert len(await dead_letters(mesh, worker.name)) == 1


async def test_a_retry_that_would_come_too_late_is_not_waited_for(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> None:
        raise Retry("busy", after=60)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go", timeout=30)
        with pytest.raises(TaskFailed, match="busy; its deadline"):
            await handle.result(timeout=10)


async def test_what_a_task_sends_ends_no_later_than_the_task_must(
    config: NATSConfig, name: Name
) -> None:
    worker, helper = Agent(name("Worker")), Agent(name("Helper"))
    deadlines: list[datetime | None] = []
    own: set[datetime | None] = set()  # it may run again, if it rests while the helper works

    @worker.agentic_run
    async def work(task: Task) -> None:
        own.add(task.deadline)
        for timeout in (None, 1000, 5):
            handle = await task.send_direct_message(helper.name, "help", timeout=timeout)
            await handle.result(timeout=10)

    @helper.agentic_run
    async def help_out(task: Task) -> None:
        deadlines.append(task.deadline)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, helper):
        await (await mesh.send_direct_message(worker.name, "go", timeout=20)).result(timeout=10)
    (parent,) = own
    inherited, longer, shorter = deadlines
    assert parent is not None
    assert inherited == longer == parent
    assert shorter is not None
    assert shorter < parent


@pytest.mark.parametrize(
    "times",
    [
        {"deliver_in": -1},
        {"deliver_in": float("nan")},
        {"deliver_in": float("inf")},
        {"expires_in": -0.1},
        {"timeout": float("-inf")},
        {"deliver_in": 5, "deliver_at": datetime(2030, 1, 1, tzinfo=UTC)},
        {"deliver_in": 5, "expires_in": 5},
        {"deliver_in": 5, "timeout": 3},
        {"deliver_in": 1e300},
    ],
    ids=str,
)
async def test_times_that_make_no_sense_are_refused_before_anything_is_sent(
    config: NATSConfig, name: Name, times: dict[str, float]
) -> None:
    worker = name("Worker")
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(InvalidMessage):
            await mesh.send_direct_message(worker, "go", **times)  # pyright: ignore[reportArgumentType]
        assert not await inbox_of(mesh, worker)


async def test_headers_that_name_no_time_make_a_dead_letter(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))
    begun = times(worker)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        message = hubbub.AgentMessage(message_type="request", from_agent="Eve", content="x")
        subject = mesh.connection.layout.direct(worker.card.token, 3, "eve")
        headers = {"Hubbub-Not-Before": "tomorrow"}
        await mesh.connection.store(subject, message.to_bytes(), headers=headers)
        other = await mesh.send_direct_message(worker.name, "other")
        await other.result(timeout=10)
        ((letter, _),) = await dead_letters(mesh, worker.name)
        assert "times cannot be read" in letter.reason
    assert len(begun) == 1


async def test_a_rate_limit_holds_tasks_back_and_loses_none(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"), sender_rate_limit=10)
    order: list[str] = []

    @worker.agentic_run
    async def work(task: Task) -> None:
        order.append(task.content)

    async with (
        hubbub.connect(config=config, name=name("Flood")) as flood,
        hubbub.connect(config=config, name=name("Guest")) as guest,
    ):
        handles = [await flood.send_direct_message(worker.name, f"{n}") for n in range(16)]
        handles.append(await guest.send_direct_message(worker.name, "guest"))
        began = time.monotonic()
        async with flood.serve(worker):
            for handle in handles:
                await handle.result(timeout=10)
        took = time.monotonic() - began
    assert sorted(order) == sorted([*(f"{n}" for n in range(16)), "guest"])
    assert order.index("guest") < 12  # it does not wait for what is held back
    assert took >= 0.5
    assert [n for n in order if n != "guest"] == [f"{n}" for n in range(16)]
