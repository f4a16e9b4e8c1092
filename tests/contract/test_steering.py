"""Notes to a task that runs: taken in once, given to its handler once, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

import hubbub
from hubbub import (
    Agent,
    InvalidMessage,
    Mesh,
    NATSConfig,
    Retry,
    Task,
    TaskCanceled,
    TaskFinished,
    TaskHandle,
    TaskNotFound,
    TooManyNotes,
)
from hubbub.mesh.janitor.old_inputs import OldInputs
from hubbub.mesh.janitor.rounds import Tally
from hubbub.testing import clock, crash_everywhere
from hubbub.wire import agent_token
from hubbub.wire.inputs import note_key

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE, soon, stored, take, until

Name = Callable[[str], str]


async def steered(handle: TaskHandle, text: str, note_id: str | None = None) -> str:
    """Send a note, and wait until the task has taken it in."""
    found = await handle.steer(text, by="ada", note_id=note_id)

    async def is_taken_in() -> bool:
        return found in [event.data["id"] for event in await logged(handle, "steered")]

    await until(is_taken_in)
    return found


async def notes_of(mesh: Mesh, handle: TaskHandle) -> list[str]:
    """The notes that lie among the inputs of a task."""
    subject = f"tasks.{agent_token(handle.agent)}.{handle.task_id}.in.*"
    found = await stored(mesh, "WAKE", subject)
    return [one.subject for one in found if ".in.steer-" in one.subject]


# A task at work


async def test_a_running_handler_gets_what_came_since_it_last_asked(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Queue[None]()

    async def work(task: Task) -> Any:
        found = [await task.steering()]
        began.set()
        for _ in range(3):
            await go_on.get()
            found.append(await task.steering())
        return found

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        await steered(handle, "left")
        await steered(handle, "right")
        go_on.put_nowait(None)
        go_on.put_nowait(None)
        await until(lambda: _has(handle, "notes_read", 1))
        await steered(handle, "stop")
        go_on.put_nowait(None)
        assert await handle.result(timeout=PATIENCE) == [[], ["left", "right"], [], ["stop"]]
    first = (await logged(handle, "steered"))[0].data
    assert (first["text"], first["by"]) == ("left", "ada")
    assert first["id"]
    assert first["at"]
    assert not await notes_of(flow.mesh, handle)


async def _has(handle: TaskHandle, kind: str, number: int) -> bool:
    return len(await logged(handle, kind)) == number


async def test_asking_for_notes_writes_nothing_if_there_are_none(flow: Flow) -> None:
    async def work(task: Task) -> int:
        return sum([len(await task.steering()) for _ in range(100)])

    async with flow.served(work):
        handle = await flow.start()
        assert await handle.result(timeout=PATIENCE) == 0
    assert [event.kind for event in await logged(handle)] == ["claimed", "completed"]


async def test_a_sync_handler_gets_them_too(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(task: Task) -> list[str]:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return task.blocking.steering()

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        await steered(handle, "left")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == ["left"]


async def test_the_same_id_is_taken_in_once(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> list[str]:
        began.set()
        await go_on.wait()
        return await task.steering()

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        both = await asyncio.gather(
            handle.steer("left", note_id="n1"), handle.steer("left", note_id="n1")
        )
        assert both == ["n1", "n1"]
        await steered(handle, "left", "n1")
        assert await handle.steer("another text", note_id="n1") == "n1"
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == ["left"]
        # What was taken in stays taken in, also when the task has ended.
        assert await handle.steer("left", note_id="n1") == "n1"
    assert len(await logged(handle, "steered")) == 1


async def test_a_request_has_no_notes(config: NATSConfig, name: Name) -> None:
    agent = Agent(name("Helper"))

    @agent.run
    async def answer(task: Task) -> int:  # pyright: ignore[reportUnusedFunction]
        return len(await task.steering())

    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(agent):
        assert (await mesh.request_from_agent(agent.name, "hello")).content == 0


async def test_beside_the_handlers_own_task_it_takes_a_branch(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Any:
        async def beside() -> list[str]:
            with pytest.raises(hubbub.HubbubError, match="branch"):
                await task.steering()
            with task.branch("beside"):
                began.set()
                await go_on.wait()
                return await task.steering()

        return await asyncio.create_task(beside())

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        await steered(handle, "left")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == ["left"]


# Who has no handler at work


async def test_a_task_at_rest_has_it_when_it_goes_on(flow: Flow) -> None:
    runs, done = Counter[str](), Counter[str]()

    async def work(task: Task) -> Any:
        runs["work"] += 1
        before = await task.steering()
        await task.step(lambda: done.update(["step"]), name="step")
        who = await task.ask_text("Who?")
        return [before, who, await task.steering()]

    async with flow.served(work):
        handle = await flow.start()
        (question,) = await asked(handle)
        await steered(handle, "left")
        assert (await asked(handle)) == [question]
        await answered(handle, "Ada")
        assert await handle.result(timeout=PATIENCE) == [[], "Ada", ["left"]]
    assert done == {"step": 1}
    assert len(await logged(handle, "asked")) == 1
    assert (await handle.snapshot()).attempts == 1


async def test_a_task_at_rest_that_nobody_serves_has_it_later(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        await task.ask_text("Who?")
        return await task.steering()

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
    await handle.steer("left")
    await handle.answer("Ada")
    async with flow.served(work):
        assert await handle.result(timeout=PATIENCE) == ["left"]


async def test_a_sleeping_task_sleeps_on(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        await task.sleep(86_400)
        return await task.steering()

    with clock() as time:
        async with flow.served(work):
            handle = await flow.start()
            await at_rest(handle)
            await steered(handle, "left")
            await at_rest(handle)
            assert len(await logged(handle, "sleeping")) == 1
            time.move(days=2)
            assert await handle.result(timeout=PATIENCE) == ["left"]


@contextlib.asynccontextmanager
async def worker(mesh: Mesh, name: str) -> AsyncGenerator[None]:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
        return await task.steering()

    async with mesh.serve(agent):
        yield


async def test_what_comes_before_anybody_has_begun_is_there_at_the_begin(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config, name=name("Boss")) as mesh:
        handle = await mesh.send_direct_message(name("Worker"), "go")
        assert await mesh.steer_task(handle.task_id, "left", note_id="n1") == "n1"
        await mesh.steer_task(handle.task_id, "right")
        async with worker(mesh, handle.agent):
            assert await handle.result(timeout=PATIENCE) == ["left", "right"]
        by = [event.data["by"] for event in await logged(handle, "steered")]
        assert by == [mesh.name, mesh.name]


async def test_who_is_busy_has_it_when_it_begins_with_the_task(
    config: NATSConfig, name: Name
) -> None:
    agent, began, go_on = Agent(name("Worker")), asyncio.Event(), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
        if task.content == "first":
            began.set()
            await go_on.wait()
        return await task.steering()

    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(agent):
        await mesh.send_direct_message(agent.name, "first")
        await soon(began.wait())
        second = await mesh.send_direct_message(agent.name, "second")
        await second.steer("left")
        go_on.set()
        assert await second.result(timeout=PATIENCE) == ["left"]


async def test_who_starts_later_takes_in_what_another_process_has_put_off(
    config: NATSConfig, name: Name
) -> None:
    """The other one is busy with something else all the time."""
    worker_name, began, go_on = name("Worker"), asyncio.Event(), asyncio.Event()

    def serving() -> Agent:
        agent = Agent(worker_name)

        @agent.agentic_run
        async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
            if task.content == "busy":
                began.set()
                await go_on.wait()
                return None
            found: list[str] = []
            while not found:  # it may come a moment after the task has begun
                found = await task.steering()
                await asyncio.sleep(0.05)
            return found

        return agent

    async with hubbub.connect(config=config, name=name("Boss")) as mesh:
        later = await mesh.send_direct_message(worker_name, "later", deliver_in=1.5)
        await later.steer("left")
        async with (
            hubbub.connect(config=config) as one,
            hubbub.connect(config=config) as two,
            one.serve(serving()),
        ):

            async def is_put_off() -> bool:
                info = await mesh.connection.api(f"CONSUMER.INFO.WAKE.{agent_token(worker_name)}")
                return info["num_ack_pending"] > 0

            await until(is_put_off)
            await mesh.send_direct_message(worker_name, "busy")
            await soon(began.wait())
            async with two.serve(serving()):
                assert await later.result(timeout=PATIENCE) == ["left"]
            go_on.set()


async def test_between_two_attempts_it_is_kept_for_the_next(flow: Flow) -> None:
    failed = asyncio.Event()

    async def work(task: Task) -> Any:
        if task.attempt == 1:
            failed.set()
            raise Retry(after=0.5)
        return await task.steering()

    async with flow.served(work):
        handle = await flow.start()
        await soon(failed.wait())
        await until(lambda: _has(handle, "retrying", 1))
        await handle.steer("left")
        assert await handle.result(timeout=PATIENCE) == ["left"]


async def test_the_janitor_keeps_it_for_as_long_as_its_task_waits(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config, name=name("Boss")) as mesh:
        waiting = await mesh.send_direct_message(name("Worker"), "go")
        await waiting.steer("left")
        stranger = mesh.task(name("Worker"), "made-up")
        await stranger.steer("left")

        async def go_on() -> None:
            pass

        with clock() as time:
            time.move(seconds=3_700)
            await OldInputs(mesh.connection).tidy(Tally(), go_on)
        assert len(await notes_of(mesh, waiting)) == 1
        assert not await notes_of(mesh, stranger)
        await waiting.cancel()
        await OldInputs(mesh.connection).tidy(Tally(), go_on)
        assert not await notes_of(mesh, waiting)
        with pytest.raises(TaskFinished, match="is canceled"):
            await waiting.steer("right")


# What is refused


async def test_a_task_that_has_ended_hears_nothing(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return "done"

    async with flow.served(work):
        handle = await flow.start()
        await handle.result(timeout=PATIENCE)
        with pytest.raises(TaskFinished, match="is completed and hears nothing") as caught:
            await handle.steer("left")
        assert (caught.value.task_id, caught.value.state) == (handle.task_id, "completed")
        with pytest.raises(TaskFinished):
            await flow.mesh.steer_task(handle.task_id, "left")
    with pytest.raises(TaskNotFound):
        await flow.mesh.steer_task("made-up", "left")
    assert not await notes_of(flow.mesh, handle)


@pytest.mark.parametrize(
    ("text", "note_id", "reason"),
    [
        ("", None, "needs a text"),
        (" \n", None, "needs a text"),
        ("x" * 16_001, None, "16,000 characters"),
        ("left", "a.b", "message id"),
        ("left", "*", "message id"),
    ],
)
async def test_what_is_no_note_is_refused(
    flow: Flow, text: str, note_id: str | None, reason: str
) -> None:
    handle = flow.mesh.task(flow.name, "any")
    with pytest.raises(InvalidMessage, match=reason):
        await handle.steer(text, note_id=note_id)


async def test_a_hundred_may_wait_to_be_read(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> int:
        began.set()
        await go_on.wait()
        return len(await task.steering())

    handle = await flow.start()
    for number in range(60):
        await handle.steer(str(number))
    async with flow.served(work):
        await soon(began.wait())
        for number in range(60, 100):
            await handle.steer(str(number))
        with pytest.raises(TooManyNotes, match="has 100 notes"):
            await handle.steer("one more")
        await until(lambda: _has(handle, "steered", 100))
        with pytest.raises(TooManyNotes):
            await handle.steer("one more")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == 100


async def test_what_a_canceled_task_has_not_taken_in_goes(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
    await handle.steer("left")
    await handle.cancel()
    async with flow.served(work):
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=PATIENCE)

        async def is_tidy() -> bool:
            return not await notes_of(flow.mesh, handle)

        await until(is_tidy)


async def test_an_input_that_is_no_note_does_no_harm(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> list[str]:
        began.set()
        await go_on.wait()
        return await task.steering()

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        connection = flow.mesh.connection
        token = agent_token(flow.name)
        for note_id, data in (
            ("a", b"not json"),
            ("b", b'{"id":"another","text":"x","by":"","at":""}'),
            ("c", b'{"id":"c","text":"","by":"","at":""}'),
        ):
            subject = connection.layout.input(token, handle.task_id, note_key(note_id))
            await connection.store(subject, data)
        await steered(handle, "left")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == ["left"]
    assert len(await logged(handle, "steered")) == 1


# A handler that runs again


async def test_a_retry_and_a_rest_give_the_same_at_the_same_place(flow: Flow) -> None:
    seen = list[Any]()
    fails, went = [True], asyncio.Queue[str]()

    async def work(task: Task) -> Any:
        found = [await task.steering()]
        went.put_nowait("begun")
        await task.step(gate.get, name="gate")
        found.append(await task.steering())
        await task.step(str, "x", name="after")
        seen.append(found)
        if fails[0]:
            fails[0] = False
            raise Retry(after=0)
        await task.ask_text("Who?")
        return [*found, await task.steering()]

    gate = asyncio.Queue[str]()
    async with flow.served(work):
        handle = await flow.start()
        await take(went, 1)
        await steered(handle, "left")
        gate.put_nowait("open")
        await asked(handle)
        await steered(handle, "right")
        await asked(handle)
        await answered(handle, "Ada")
        assert await handle.result(timeout=PATIENCE) == [[], ["left"], ["right"]]
    assert all(one == [[], ["left"]] for one in seen)
    assert len(seen) >= 3
    assert len(await logged(handle, "notes_read")) == 2


async def test_a_later_note_does_not_leak_into_an_earlier_call(flow: Flow) -> None:
    """The call before the step was empty and is not on record; the step is."""

    async def work(task: Task) -> Any:
        first = await task.steering()
        told = await task.say(f"notes: {first}")
        await task.ask_text("Who?")
        assert told is None
        return [first, await task.steering()]

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
    await handle.steer("left")
    async with flow.served(work):
        await answered(handle, "Ada")
        assert await handle.result(timeout=PATIENCE) == [[], ["left"]]
        report = await flow.mesh.replay_task(handle.task_id)
    assert report.fits, report
    said = [event.data["text"] for event in await logged(handle, "said")]
    assert said == ["notes: []"]


async def test_what_nothing_on_record_depends_on_may_be_read_by_the_next_attempt(
    flow: Flow,
) -> None:
    runs, went, go_on = Counter[str](), asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Any:
        runs["work"] += 1
        found = await task.steering()
        if runs["work"] == 1:
            went.set()
            await go_on.wait()
            raise Retry(after=0)
        return found

    async with flow.served(work):
        handle = await flow.start()
        await soon(went.wait())
        await steered(handle, "left")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == ["left"]


async def test_branches_read_each_note_once(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Any:
        began.set()
        await go_on.wait()

        async def read(name: str) -> list[str]:
            with task.branch(name):
                return await task.steering()

        found = await asyncio.gather(*(read(str(number)) for number in range(5)))
        await task.ask_text("Who?")
        return found

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        for text in ("one", "two"):
            await steered(handle, text)
        go_on.set()
        await asked(handle)
        await answered(handle, "Ada")
        found: Any = await handle.result(timeout=PATIENCE)
    assert sorted(text for some in found for text in some) == ["one", "two"]


async def test_code_that_reads_elsewhere_does_not_fit(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Any:
        began.set()
        await go_on.wait()
        found = await task.steering()
        await task.step(str, "x", name="after")
        await task.ask_text("Who?")
        return found

    async def later(task: Task) -> Any:
        await task.step(str, "x", name="after")
        found = await task.steering()
        await task.ask_text("Who?")
        return found

    async def never(task: Task) -> Any:
        await task.step(str, "x", name="after")
        await task.ask_text("Who?")

    handles = list[TaskHandle]()
    for _ in range(2):
        began.clear()
        go_on.clear()
        async with flow.served(work):
            handle = await flow.start()
            await soon(began.wait())
            await steered(handle, "left")
            go_on.set()
            await asked(handle)
            handles.append(handle)
    for code, handle, shown in zip(
        (later, never), handles, ("behind 1 calls", "steering#1"), strict=True
    ):
        async with flow.served(code):
            if code is later:
                report = await flow.mesh.replay_task(handle.task_id)
                assert not report.fits
                assert "steering#1" in report.departs_at
            await handle.answer("Ada")
            reason = await failure(handle)
            assert "does not fit" in reason
            assert shown in reason


async def test_a_run_that_was_begun_without_goes_on_with_code_that_asks(flow: Flow) -> None:
    async def before(task: Task) -> Any:
        await task.step(str, "x", name="step")
        return await task.ask_text("Who?")

    async def now(task: Task) -> Any:
        first = await task.steering()
        await task.step(str, "x", name="step")
        second = await task.steering()
        who = await task.ask_text("Who?")
        return [first, second, who, await task.steering()]

    async with flow.served(before):
        handle = await flow.start()
        await asked(handle)
    await handle.steer("left")
    async with flow.served(now):
        await answered(handle, "Ada")
        assert await handle.result(timeout=PATIENCE) == [[], [], "Ada", ["left"]]


async def test_a_replay_of_a_task_that_ended_with_a_note_unread_fits(flow: Flow) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Any:
        found = await task.steering()
        began.set()
        await go_on.wait()
        return found

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        await steered(handle, "left")
        go_on.set()
        assert await handle.result(timeout=PATIENCE) == []
        report = await flow.mesh.replay_task(handle.task_id)
        assert report.fits, report


async def test_a_task_that_is_run_again_takes_its_notes_along(flow: Flow) -> None:
    began, go_on, is_broken = asyncio.Event(), asyncio.Event(), [True]

    async def work(task: Task) -> Any:
        first = await task.steering()
        began.set()
        await task.step(go_on.wait, name="wait")
        second = await task.steering()
        await task.step(str, "x", name="after")

        def pay() -> str:
            if is_broken[0]:
                raise ValueError("no money")
            return "paid"

        paid = await task.step(pay)
        return [first, second, paid, await task.steering()]

    async with flow.served(work):
        handle = await flow.start()
        await soon(began.wait())
        await steered(handle, "left")
        go_on.set()

        async def has_failed() -> bool:
            return (await handle.snapshot()).state.is_final

        await until(has_failed)
        entries = await handle.stored_log()
        is_broken[0] = False
        again = await flow.mesh.rerun_task(handle.task_id)
        assert await again.result(timeout=PATIENCE) == [[], ["left"], "paid", []]
        # From behind the note, before it was read: it is read anew, once.
        (place,) = [number for number, event in entries if event.kind == "steered"]
        earlier = await flow.mesh.rerun_task(handle.task_id, place)
        assert await earlier.result(timeout=PATIENCE) == [["left"], [], "paid", []]
        (place,) = [
            number
            for number, event in entries
            if event.data.get("key") == "step:wait#1" and event.kind == "step"
        ]
        behind = await flow.mesh.rerun_task(handle.task_id, place)
        assert await behind.result(timeout=PATIENCE) == [[], ["left"], "paid", []]


async def test_a_crash_at_any_write_reads_each_note_once(config: NATSConfig, name: Name) -> None:
    async with hubbub.connect(config=config, name=name("Ada")) as mesh:

        def crashing() -> Agent:
            agent = Agent(name("Worker"))

            @agent.agentic_run
            async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
                async def tell(text: str) -> None:
                    await steered(mesh.task(agent.name, task.id), text, f"{text}-note")

                found = [await task.steering()]
                await task.say("begun")
                await task.step(tell, "left", name="left")
                found.append(await task.steering())
                await task.say(f"read {found[-1]}")
                found.append(await task.steering())
                await task.say("on")
                await task.step(tell, "right", name="right")
                who = await task.ask_text("Who?")
                found.append(await task.steering())
                return [*found, who]

            return agent

        report = await crash_everywhere(
            crashing, "go", answers=lambda question: "Bob", config=config
        )
        report.assert_same()
        assert report.undisturbed.result == '[[],["left"],[],["right"],"Bob"]'
        died = {crash.write for crash in report.crashes}
        assert {"steered", "notes_read"} <= died
