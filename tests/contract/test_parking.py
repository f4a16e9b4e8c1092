"""Coming to rest: while a run waits, nothing of it is kept, and what woke it finds it anywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import hubbub
from hubbub import (
    Agent,
    AgentMessage,
    NATSConfig,
    RequestTimeout,
    Task,
    TaskCanceled,
    TaskFailed,
    TaskState,
)
from hubbub.testing import clock
from hubbub.wire.codec import decode_object

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE, inbox_of, listener, soon, stored, take, until

Name = Callable[[str], str]


# Coming to rest, and waking up


async def test_a_run_at_rest_holds_nothing(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        snapshot = await at_rest(handle)
        assert snapshot.state == TaskState.INPUT_REQUIRED
        assert snapshot.attempts == 0
        assert await inbox_of(flow.mesh, flow.name) == []
        await handle.answer("Ada")
        await handle.result(timeout=PATIENCE)
    assert [event.kind for event in await logged(handle)] == [
        "claimed",
        "asked",
        "parked",
        "claimed",
        "answered",
        "completed",
    ]

    async def is_tidy() -> bool:
        return not await stored(flow.mesh, "WAKE", f"tasks.{flow.name.replace('-', '_')}.>")

    await until(is_tidy)


async def test_it_goes_on_in_another_process(flow: Flow) -> None:
    places = list[str]()

    def code(place: str) -> Any:
        async def work(task: Task) -> str:
            places.append(place)
            return await task.ask_text("Who?")

        return work

    async with flow.served(code("here")):
        handle = await flow.start()
        await asked(handle)
    await handle.answer("Ada")
    async with flow.served(code("there")):
        assert await handle.result(timeout=PATIENCE) == "Ada"
    assert places == ["here", "there"]


async def test_it_rests_at_many_questions_and_no_attempt_counts(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> Any:
        runs["work"] += 1
        assert task.attempt == 1
        return [await task.ask_text(f"Number {number}?") for number in range(8)]

    async with flow.served(work):
        handle = await flow.start()
        for number in range(8):
            (question,) = await asked(handle)
            assert question.prompt == f"Number {number}?"
            await answered(handle, str(number))
        assert await handle.result(timeout=PATIENCE) == [str(number) for number in range(8)]
    assert runs["work"] == 9


async def test_while_something_goes_on_it_does_not_rest_and_takes_answers_in(flow: Flow) -> None:
    going, runs = asyncio.Event(), Counter[str]()

    async def work(task: Task) -> Any:
        runs["work"] += 1

        async def slow() -> str:
            await going.wait()
            return "done"

        async def ask() -> str:
            with task.branch("person"):
                first = await task.ask_text("First?")
                return first + await task.ask_text("Second?")

        async with asyncio.TaskGroup() as group:
            working = group.create_task(task.step(slow))
            asking = group.create_task(ask())
        return [working.result(), asking.result()]

    async with flow.served(work):
        handle = await flow.start()

        async def asks(prompt: str) -> None:
            async def is_asked() -> bool:
                return [one.prompt for one in (await handle.snapshot()).questions] == [prompt]

            await until(is_asked)

        await asks("First?")
        await handle.answer("one ")
        await asks("Second?")
        await handle.answer("two")
        await until(lambda: _has(handle, "answered", 2))
        going.set()
        assert await handle.result(timeout=PATIENCE) == ["done", "one two"]
    assert runs["work"] == 1
    assert not await logged(handle, "parked")


async def _has(handle: hubbub.TaskHandle, kind: str, number: int) -> bool:
    return len(await logged(handle, kind)) == number


async def test_a_question_inside_of_a_step_lets_it_rest(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> str:
        async def outer() -> str:
            runs["outer"] += 1
            await task.step(lambda: runs.update(["inner"]), name="inner")
            return await task.ask_text("Who?")

        return await task.step(outer)

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == "Ada"
    assert runs == {"outer": 2, "inner": 1}


async def test_answers_that_come_while_it_comes_to_rest_are_not_lost(flow: Flow) -> None:
    """The moment between resting and being put away is the one in which an answer gets lost."""

    async def work(task: Task) -> int:
        total = 0
        for _ in range(5):
            with task.branch("round"):
                async with asyncio.TaskGroup() as group:
                    for number in range(2):
                        group.create_task(ask(task, number))
            total += 1
        return total

    async def ask(task: Task, number: int) -> None:
        with task.branch(f"person {number}"):
            await task.ask_text(f"Number {number}?")

    async with flow.served(work):
        handles = [await flow.start() for _ in range(10)]

        async def play(handle: hubbub.TaskHandle, pause: float) -> None:
            seen = set[str]()
            while not (snapshot := await handle.snapshot()).state.is_final:
                for question in snapshot.questions:
                    if question.id not in seen:
                        seen.add(question.id)
                        await asyncio.sleep(pause)
                        await handle.answer("yes", question.id)
                await asyncio.sleep(0.005)

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number, handle in enumerate(handles):
                group.create_task(play(handle, number * 0.004))
        assert [await handle.result() for handle in handles] == [5] * 10


# What a handler may do about it


async def test_neither_except_nor_finally_keep_it_from_resting(flow: Flow) -> None:
    caught, closed = list[str](), Counter[str]()

    async def work(task: Task) -> str:
        try:
            return await task.ask_text("Who?")
        except Exception as error:  # noqa: BLE001 - that is the point
            caught.append(repr(error))
            return "caught"
        finally:
            closed["closed"] += 1
            with contextlib.suppress(Exception):
                await task.say("good-bye")
            closed["said"] += 1

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == "Ada"
    assert caught == []
    # The verb in `finally` raised again while the run was put away.
    assert closed == {"closed": 2, "said": 1}
    assert len(await logged(handle, "said")) == 1


async def test_who_catches_everything_goes_to_rest_all_the_same(flow: Flow) -> None:
    seen = list[str]()

    async def work(task: Task) -> str:
        found = await asyncio.gather(
            task.ask_text("Who?"), task.ask_text("Whom?"), return_exceptions=True
        )
        seen.append(type(found[0]).__name__)
        return f"{found}"

    async with flow.served(work):
        handle = await flow.start()
        who, whom = await asked(handle, 2)
        await answered(handle, "Ada", who.id)
        await asked(handle)
        await handle.answer("Bob", whom.id)
        assert await handle.result(timeout=PATIENCE) == "['Ada', 'Bob']"
    assert seen == ["RunParked", "str", "str"] or seen == ["RunParked", "RunParked", "str"]


async def test_what_is_not_on_record_does_not_keep_it_awake(flow: Flow) -> None:
    async def work(task: Task) -> str:
        for_ever = asyncio.create_task(asyncio.Event().wait())
        try:
            who = await task.ask_text("Who?")
        finally:
            for_ever.cancel()
        return who

    async def stubborn(task: Task) -> str:
        asking = asyncio.create_task(task.ask_text("Who?", name="who"))
        if task.attempt == 1 and not asking.done():
            await asyncio.wait([asking, asyncio.ensure_future(asyncio.Event().wait())])
        return await asking

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == "Ada"
    async with flow.served(stubborn):
        handle = await flow.start()
        await asked(handle)
        await handle.cancel()


# The end of a run that rests


async def test_a_run_at_rest_is_canceled_and_so_is_what_it_opened(flow: Flow, name: Name) -> None:
    child = Agent(name("Child"))

    @child.agentic_run
    async def wait(task: Task) -> None:  # pyright: ignore[reportUnusedFunction]
        await asyncio.Event().wait()

    async def work(task: Task) -> str:
        opened = await task.send_direct_message(child.name, "wait")
        return str(await opened.result())

    async with flow.served(work), flow.mesh.serve(child):
        handle = await flow.start()
        await at_rest(handle)
        (event,) = await logged(handle, "sent")
        await handle.cancel()
        with pytest.raises(TaskCanceled):
            await handle.result(timeout=PATIENCE)
        with pytest.raises(TaskCanceled):
            await flow.mesh.task(child.name, event.data["message_id"]).result(timeout=PATIENCE)


async def test_a_run_at_rest_ends_with_its_deadline(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> str:
            return await task.ask_text("Who?")

        async with flow.served(work):
            handle = await flow.mesh.send_direct_message(flow.name, "", timeout=3_600)
            await asked(handle)
            now.move(hours=1, seconds=1)
            assert "it had to be done by" in await failure(handle)
    assert (await handle.snapshot()).questions == []


async def test_a_run_at_rest_has_begun_and_does_not_expire(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> str:
            return await task.ask_text("Who?")

        async with flow.served(work):
            handle = await flow.mesh.send_direct_message(flow.name, "", expires_in=60)
            await asked(handle)
            now.move(hours=1)
            await handle.answer("Ada")
            assert await handle.result(timeout=PATIENCE) == "Ada"


async def test_a_failure_after_resting_is_retried_and_counted(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> Any:
        who = await task.ask_text("Who?")
        runs["after"] += 1
        if runs["after"] == 1:
            raise ConnectionError("the line is down")
        return [who, task.attempt]

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == ["Ada", 2]
    assert len(await logged(handle, "asked")) == 1


async def test_time_at_rest_is_no_time_used(flow: Flow, name: Name) -> None:
    workflows = hubbub.Workflows()

    @workflows.register(name=flow.name, limits=hubbub.Limits(seconds=60))
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        who = await task.ask_text("Who?")
        await task.send_direct_message(name("Absent"), "hello")  # counts, and looks at the time
        return who

    with clock() as now:
        async with flow.mesh.serve(*workflows):
            handle = await flow.start()
            await asked(handle)
            now.move(days=1)
            await handle.answer("Ada")
            assert await handle.result(timeout=PATIENCE) == "Ada"


# What it opens


async def test_a_parent_rests_while_its_child_works_and_is_told(flow: Flow, name: Name) -> None:
    child, going, runs = Agent(name("Child")), asyncio.Event(), Counter[str]()

    @child.agentic_run
    async def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await going.wait()
        return f"done: {task.content}"

    async def work(task: Task) -> Any:
        runs["work"] += 1
        opened = await task.send_direct_message(child.name, "this")
        return [await opened.result(), await opened.result()]

    async with flow.served(work), flow.mesh.serve(child):
        handle = await flow.start()
        snapshot = await at_rest(handle)
        assert (snapshot.state, snapshot.questions) == ("submitted", [])
        going.set()
        assert await handle.result(timeout=PATIENCE) == ["done: this", "done: this"]
    assert runs["work"] == 2
    assert len(await logged(handle, "sent")) == 1
    (told,) = await logged(handle, "child")
    assert (told.data["state"], told.data["result"]) == ("completed", "done: this")


@pytest.mark.parametrize("rests", [True, False])
async def test_a_large_result_of_a_child_arrives_whole(
    flow: Flow, name: Name, *, rests: bool
) -> None:
    child, going = Agent(name("Child")), asyncio.Event()
    if not rests:
        going.set()

    @child.agentic_run
    async def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await going.wait()
        return "x" * 700_000

    async def work(task: Task) -> int:
        opened = await task.send_direct_message(child.name, "this")
        if not rests:
            await task.step(flow.mesh.task(child.name, opened.task_id).result, name="wait")
        return len(str(await opened.result()))

    async with flow.served(work), flow.mesh.serve(child):
        handle = await flow.start()
        if rests:
            await at_rest(handle)
            going.set()
        assert await handle.result(timeout=PATIENCE) == 700_000


async def test_the_failure_of_a_child_is_raised_where_it_is_waited_for(
    flow: Flow, name: Name
) -> None:
    child, going = Agent(name("Child")), asyncio.Event()

    @child.agentic_run
    async def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await going.wait()
        raise hubbub.Reject("not mine")

    async def work(task: Task) -> str:
        opened = await task.send_direct_message(child.name, "this")
        try:
            await opened.result()
        except TaskFailed as error:
            return f"{error.state}: {error.reason}"
        return "no error"

    async with flow.served(work), flow.mesh.serve(child):
        handle = await flow.start()
        await at_rest(handle)
        going.set()
        assert await handle.result(timeout=PATIENCE) == "rejected: not mine"


async def test_waiting_for_a_child_may_take_too_long_and_be_tried_again(
    flow: Flow, name: Name
) -> None:
    with clock() as now:
        child, going = Agent(name("Child")), asyncio.Event()

        @child.agentic_run
        async def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
            await going.wait()
            return "late"

        async def work(task: Task) -> Any:
            opened = await task.send_direct_message(child.name, "this")
            for number in range(3):
                try:
                    result = await opened.result(timeout=3_600)
                except RequestTimeout:
                    await task.say(f"still waiting, {number}")
                else:
                    # What would have ended the waiting comes now, and is too late.
                    await task.sleep(7_200)
                    return [number, result]
            return "gave up"

        async with flow.served(work), flow.mesh.serve(child):
            handle = await flow.start()
            await at_rest(handle)
            now.move(hours=1, seconds=1)
            await until(lambda: _has(handle, "said", 1))
            await at_rest(handle)
            going.set()
            await until(lambda: _has(handle, "child", 2))
            await at_rest(handle)
            now.move(hours=1)
            now.move(hours=1)
            assert await handle.result(timeout=PATIENCE) == [1, "late"]
    assert [event.data["text"] for event in await logged(handle, "said")] == ["still waiting, 0"]


async def test_what_was_sent_before_resting_is_not_sent_again(flow: Flow, name: Name) -> None:
    heard, calls = asyncio.Queue[str](), Counter[str]()
    other, boss = Agent(name("Other")), listener(name("Listener"))

    @other.run
    def answer(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        calls[text] += 1
        return f"answer {calls[text]}"

    @other.agentic_run
    async def work_on(task: Task) -> None:  # pyright: ignore[reportUnusedFunction]
        calls[task.content] += 1

    @other.on_broadcast
    def hear(message: AgentMessage) -> None:  # pyright: ignore[reportUnusedFunction]
        if message.from_agent == flow.name:
            heard.put_nowait(message.text)

    async def work(task: Task) -> Any:
        await task.say("I begin")
        await task.send_direct_message(other.name, "direct")
        await task.handoff_to_agent(other.name, "handoff")
        await task.broadcast_message("hear, hear")
        reply = await task.request_from_agent(other.name, "question")
        pieces = [piece async for piece in task.stream_from_agent(other.name, "stream")]
        beside = await asyncio.gather(
            *(task.request_from_agent(other.name, f"beside {number}") for number in range(3))
        )
        who = await task.ask_text("Who?")
        await task.broadcast_message(f"that was all, {who}")
        return [reply.content, *pieces, *(one.content for one in beside)]

    async with flow.served(work), flow.mesh.serve(other, boss[0]):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == ["answer 1"] * 5
        assert await take(heard, 2) == ["hear, hear", "that was all, Ada"]
        await until(lambda: _are(calls, {"direct", "handoff"}))
    assert set(calls.values()) == {1}
    handoffs = await stored(flow.mesh, "HISTORY", "agents.handoff.>")
    ours = [one for one in handoffs if flow.name in one.data.decode()]
    assert len(ours) == 1
    assert len(await logged(handle, "said")) == 1
    assert len(await logged(handle, "replied")) == 5


async def _are(calls: Counter[str], wanted: set[str]) -> bool:
    return wanted <= set(calls)


async def test_a_refused_request_is_on_record_like_an_answer(flow: Flow, name: Name) -> None:
    seen = list[str]()

    async def work(task: Task) -> str:
        try:
            await task.request_from_agent(name("Nobody"), "hello")
        except hubbub.AgentUnavailable as error:
            seen.append(f"{type(error).__name__}: {error}")
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == "Ada"
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert len(await logged(handle, "replied")) == 1


async def test_text_is_shown_live_and_kept_once(flow: Flow, config: NATSConfig) -> None:
    pieces = asyncio.Queue[dict[str, Any]]()

    async def work(task: Task) -> str:
        async with task.say_stream() as out:
            await out.write("Once upon ")
            await out.write("a time")
        return await task.ask_text("Go on?")

    async with flow.served(work):
        connection = flow.mesh.connection
        live = connection.layout.live(flow.name.replace("-", "_"), "*")

        async def hear(message: Any) -> None:
            pieces.put_nowait(decode_object(message.data))

        async with connection.subscription(live, hear):
            await connection.flush()
            handle = await flow.start()
            await asked(handle)
            await handle.answer("yes")
            await handle.result(timeout=PATIENCE)
            first, second = await take(pieces, 2)
            assert pieces.empty()
    assert (first["text"], first["offset"], first["attempt"]) == ("Once upon ", 0, 1)
    assert (second["text"], second["offset"]) == ("a time", 10)
    (said,) = await logged(handle, "said")
    assert said.data["text"] == "Once upon a time"
    assert first["key"] == second["key"] == said.data["key"]


async def test_a_person_may_wait_longer_than_the_process_lives(flow: Flow) -> None:
    """With the clock moved two days on, and nothing served meanwhile."""
    with clock() as now:

        async def work(task: Task) -> str:
            return await task.ask_text("Who?")

        async with flow.served(work):
            handle = await flow.start()
            await asked(handle)
        now.move(days=2)
        await handle.answer("Ada")
        async with flow.served(work):
            assert await soon(handle.result()) == "Ada"
