"""Run again from here: a new task that takes over what another has on record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, RerunRefused, Task, TaskHandle, TaskNotFound
from hubbub.wire import agent_token
from hubbub.wire.reruns import RERUN

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE, inbox_of, until

Name = Callable[[str], str]
Done = Counter[str]


def partner(name: str, done: Done) -> Agent:
    """An agent that is asked, and set to work."""
    agent = Agent(name, concurrency=10)

    @agent.run
    async def answer(message: AgentMessage) -> str:  # pyright: ignore[reportUnusedFunction]
        done[f"request {message.text}"] += 1
        return f"answer to {message.text}"

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        done[f"task {task.content}"] += 1
        if task.content == "bad":
            raise hubbub.Reject("not this time")
        return f"result of {task.content}"

    return agent


def everything(done: Done, other: str, *, is_broken: list[bool]) -> Any:
    """A workflow that does all there is to do, and breaks at its end."""

    async def work(task: Task) -> list[Any]:
        async def book() -> str:
            done["book"] += 1
            return task.step_key

        key = await task.step(book)
        person = await task.ask_text("Who?")
        moment, number = await task.now(), task.random().random()
        reply = await task.request_from_agent(other, "how")
        handle = await task.send_direct_message(other, "begun")
        await task.say("half way")
        await task.sleep(0)
        end = await handle.result()

        async def pay() -> str:
            done["pay"] += 1
            if is_broken[0]:
                raise ValueError("no money")
            return task.step_key

        payment = await task.step(pay)
        return [key, person, moment.isoformat(), number, reply.text, end, payment]

    return work


async def test_what_is_on_record_is_not_done_or_asked_again(flow: Flow, name: Name) -> None:
    done, other, is_broken = Done(), name("Partner"), [True]
    helper = partner(other, done)
    work = everything(done, other, is_broken=is_broken)
    async with flow.mesh.serve(helper), flow.served(work):
        source = await flow.start(owner="ada")
        await asked(source)
        await answered(source, "Ada")
        assert "no money" in await failure(source)
        pays = done["pay"]
        assert pays == 2, "two attempts"
        is_broken[0] = False
        again = await flow.mesh.rerun_task(source.task_id)
        result: Any = await again.result(timeout=PATIENCE)
    done["pay"] -= pays
    assert done == {"book": 1, "request how": 1, "task begun": 1, "pay": 1}
    before = {event.kind: event for event in await logged(source)}
    assert result[1] == "Ada"
    assert result[2].startswith(before["now"].data["time"][:19])
    assert (result[4], result[5]) == ("answer to how", "result of begun")
    summary = await flow.mesh.find_task(again.task_id)
    origin = await flow.mesh.find_task(source.task_id)
    for fact in ("agent", "owner", "context_id", "content", "priority"):
        assert getattr(summary, fact) == getattr(origin, fact), fact
    assert summary.retry_of == source.task_id
    assert summary.metadata[RERUN]["task_id"] == source.task_id
    log = await logged(again)
    assert [event.data["text"] for event in log if event.kind == "said"] == ["half way"]
    assert [event.data["by"] for event in log if event.kind == "answered"] == ["Ada"]
    (taken,) = [event for event in log if event.kind == "taken_over"]
    assert taken.data["events"] == log.index(taken) - 1
    # What it is said to have sent is what it sent itself, and what it used is its own.
    assert (await again.snapshot()).sent == []
    # The new log is complete: the code fits it, and the other one is not needed for that.
    await flow.mesh.connection.api(
        "STREAM.PURGE.TASKS",
        {"filter": flow.mesh.connection.layout.log(agent_token(flow.name), source.task_id)},
    )
    async with flow.served(work):
        report = await flow.mesh.replay_task(again.task_id)
    assert report.fits, report


async def test_from_a_place_on_all_is_done_anew(flow: Flow, name: Name) -> None:
    done, other = Done(), name("Partner")

    async def work(task: Task) -> list[Any]:
        keys, handles = list[str](), list[TaskHandle]()
        for number in range(3):

            async def act(number: int = number) -> str:
                done[f"step {number}"] += 1
                return task.step_key

            keys.append(await task.step(act, name=f"act {number}"))
            handles.append(await task.send_direct_message(other, f"message {number}"))
            await task.say(f"said {number}")
        numbers = [task.random().random() for _ in range(2)]
        await task.request_from_agent(other, "same")
        return [keys, [handle.task_id for handle in handles], numbers]

    async with flow.mesh.serve(partner(other, done)), flow.served(work):
        source = await flow.start()
        first: Any = await source.result(timeout=PATIENCE)
        place = await place_of(source, "said", text="said 0")
        again = await flow.mesh.rerun_task(source.task_id, place)
        second: Any = await again.result(timeout=PATIENCE)
        # Once more, from the other: what both have done is done under ids of its own again.
        third: Any = await (
            await flow.mesh.rerun_task(again.task_id, await place_of(again, "said", text="said 1"))
        ).result(timeout=PATIENCE)
        top: Any = await (await flow.mesh.rerun_task(source.task_id, 0)).result(timeout=PATIENCE)

        async def is_all_done() -> bool:
            return done["task message 2"] == 4

        await until(is_all_done)
    keys, sent, numbers = zip(first, second, third, top, strict=True)
    assert [len({key[number] for key in keys}) for number in range(3)] == [2, 3, 4]
    assert [len({ids[number] for ids in sent}) for number in range(3)] == [2, 3, 4]
    assert numbers[0] == numbers[1] == numbers[2] == numbers[3]
    assert done == {
        "step 0": 2,
        "step 1": 3,
        "step 2": 4,
        "task message 0": 2,
        "task message 1": 3,
        "task message 2": 4,
        "request same": 4,
    }
    said = [event.data["text"] for event in await logged(again, "said")]
    assert said == ["said 0", "said 1", "said 2"]


async def place_of(handle: TaskHandle, kind: str, **facts: str) -> int:
    """Where in a log an event stands."""
    found = [
        sequence
        for sequence, event in await handle.stored_log()
        if event.kind == kind and facts.items() <= event.data.items()
    ]
    assert len(found) == 1
    return found[0]


async def test_what_was_cut_off_is_done_again_under_its_own_key(flow: Flow) -> None:
    keys = list[str]()

    async def work(task: Task) -> str:
        async def pay() -> str:
            keys.append(task.step_key)
            if len(keys) <= 2:
                raise ValueError("nobody knows whether it went through")
            return "paid"

        return await task.step(pay)

    async with flow.served(work):
        source = await flow.start()
        await failure(source)
        again = await flow.mesh.rerun_task(source.task_id)
        assert await again.result(timeout=PATIENCE) == "paid"
    assert len(keys) == 3
    assert len(set(keys)) == 1


async def test_code_that_was_mended_goes_on_without_asking_again(flow: Flow) -> None:
    async def old(task: Task) -> list[str]:
        first = await task.ask_text("Who?")
        await task.step(str, name="look")
        return [first, await task.ask_text("Where?")]

    async def new(task: Task) -> list[str]:
        first = await task.ask_text("Who?")
        await task.step(str, name="look twice")
        return [first, await task.ask_text("Where exactly?")]

    async with flow.served(old):
        source = await flow.start()
        await asked(source)
        await answered(source, "Ada")
        await asked(source)
    await source.answer("here")
    async with flow.served(new):
        reason = await failure(source)
        assert f"hubbub tasks rerun {source.task_id}" in reason
        whole = await flow.mesh.rerun_task(source.task_id)
        assert "look twice" in await failure(whole), "all of it does not fit the new code"
        place = await place_of(source, "answered", answer="Ada")
        part = await flow.mesh.rerun_task(source.task_id, place)
        (question,) = await asked(part)
        assert question.prompt == "Where exactly?"
        await part.answer("there")
        assert await part.result(timeout=PATIENCE) == ["Ada", "there"]
    async with flow.served(old):
        put_back = await flow.mesh.rerun_task(source.task_id)
        assert await put_back.result(timeout=PATIENCE) == ["Ada", "here"]


async def test_an_open_question_is_asked_by_the_new_task(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        source = await flow.start()
        (old,) = await asked(source)
        again = await flow.mesh.rerun_task(source.task_id)
        (new,) = await asked(again)
        assert new.id != old.id
        await again.answer("Bob")
        assert await again.result(timeout=PATIENCE) == "Bob"
        # The other one has not noticed.
        assert (await at_rest(source)).questions == [old]
        await source.answer("Ada")
        assert await source.result(timeout=PATIENCE) == "Ada"


async def test_a_source_that_goes_on_shares_nothing_with_the_new_task(
    flow: Flow, name: Name
) -> None:
    done, other = Done(), name("Partner")

    async def work(task: Task) -> list[str]:
        answer = await task.ask_text("Who?")

        async def key() -> str:
            return task.step_key

        handle = await task.send_direct_message(other, answer)
        return [await task.step(key), handle.task_id, str(await handle.result())]

    async with flow.mesh.serve(partner(other, done)), flow.served(work):
        source = await flow.start()
        await asked(source)
        again = await flow.mesh.rerun_task(source.task_id)
        await asked(again)
        await again.answer("new")
        new: Any = await again.result(timeout=PATIENCE)
        await source.answer("old")
        old: Any = await source.result(timeout=PATIENCE)
    assert (old[2], new[2]) == ("result of old", "result of new")
    assert not set(old) & set(new)


async def test_a_task_that_the_other_has_opened_is_waited_for(flow: Flow, name: Name) -> None:
    other, go, runs = name("Slow"), asyncio.Event(), Done()
    agent = Agent(other)

    @agent.agentic_run
    async def slow(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        runs[task.content] += 1
        await go.wait()
        return "done"

    async def work(task: Task) -> str:
        handle = await task.send_direct_message(other, "x")
        return str(await handle.result(timeout=60))

    async with flow.mesh.serve(agent), flow.served(work):
        source = await flow.start()
        await at_rest(source)
        again = await flow.mesh.rerun_task(source.task_id)
        async with asyncio.timeout(PATIENCE):
            async for event in again.events():
                if event.kind == "taken_over":
                    break
        go.set()
        assert await again.result(timeout=PATIENCE) == "done"
        assert await source.result(timeout=PATIENCE) == "done"
    assert runs == {"x": 1}
    # On record, for the log of the other one is not kept for ever.
    results = [event.data.get("result") for event in await logged(again, "child")]
    assert "done" in results


async def test_the_end_of_the_new_task_does_not_end_what_the_other_has_opened(
    flow: Flow, name: Name
) -> None:
    other, go = name("Slow"), asyncio.Event()
    agent = Agent(other)

    @agent.agentic_run
    async def slow(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await go.wait()
        return "done"

    async def work(task: Task) -> str:
        handle = await task.send_direct_message(other, "x")
        await task.ask_text("Go on?")
        return str(await handle.result())

    async with flow.mesh.serve(agent), flow.served(work):
        source = await flow.start()
        await asked(source)
        again = await flow.mesh.rerun_task(source.task_id)
        await asked(again)
        await again.cancel()
        with pytest.raises(hubbub.TaskCanceled):
            await again.result(timeout=PATIENCE)
        go.set()
        await source.answer("yes")
        assert await source.result(timeout=PATIENCE) == "done"


async def test_a_task_whose_failure_led_to_the_end_is_opened_anew(flow: Flow, name: Name) -> None:
    done, other, is_better = Done(), name("Partner"), list[bool]()

    async def work(task: Task) -> str:
        handle = await task.send_direct_message(other, "good" if is_better else "bad")
        return str(await handle.result())

    async with flow.mesh.serve(partner(other, done)), flow.served(work):
        source = await flow.start()
        assert "not this time" in await failure(source)
        is_better.append(True)
        again = await flow.mesh.rerun_task(source.task_id)
        assert await again.result(timeout=PATIENCE) == "result of good"
    assert done["task good"] == 1


async def test_a_message_that_may_not_have_been_stored_is_stored_now(
    flow: Flow, name: Name
) -> None:
    """Nobody serves its receiver: whether it lies there is not known from any log."""
    other = name("Partner")

    async def work(task: Task) -> str:
        await task.send_direct_message(other, "once")
        raise ValueError("broken")

    async with flow.served(work):
        source = await flow.start()
        await failure(source)
        again = await flow.mesh.rerun_task(source.task_id)
        await failure(again)
    done = Done()
    async with flow.mesh.serve(partner(other, done)):

        async def is_empty() -> bool:
            return not await inbox_of(flow.mesh, other)

        await until(is_empty)
    assert done == {"task once": 1}


async def test_it_goes_on_with_the_version_of_the_other_if_that_is_served(flow: Flow) -> None:
    def version(name: str) -> Any:
        async def work(task: Task) -> str:
            return f"{await task.ask_text('Who?')} {name}"

        return name, work

    async with flow.served(version("1")):
        source = await flow.start()
        await asked(source)
    async with flow.served(version("1"), version("2")):
        both = await flow.mesh.rerun_task(source.task_id)
        await asked(both)
        await both.answer("Ada")
        assert await both.result(timeout=PATIENCE) == "Ada 1"
    async with flow.served(version("2")):
        newer = await flow.mesh.rerun_task(source.task_id)
        await asked(newer)
        await newer.answer("Ada")
        assert await newer.result(timeout=PATIENCE) == "Ada 2"


async def test_a_model_that_has_answered_is_not_asked_and_not_paid_again(flow: Flow) -> None:
    calls = Done()

    async def work(task: Task) -> Any:
        async def call() -> dict[str, Any]:
            calls["model"] += 1
            return {"text": "hello", "usage": {"requests": 1, "input_tokens": 7}}

        facts, _ = await task.run.once_by_content("model", b"prompt", call)
        return [facts["text"], await task.ask_text("Good?")]

    async with flow.served(work):
        source = await flow.start()
        await asked(source)
        again = await flow.mesh.rerun_task(source.task_id)
        await asked(again)
        await again.answer("yes")
        assert await again.result(timeout=PATIENCE) == ["hello", "yes"]
    assert calls == {"model": 1}
    assert (await source.snapshot()).usage["input_tokens"] == 7
    assert not (await flow.mesh.find_task(again.task_id)).usage.get("input_tokens")


async def test_what_cannot_be_run_again_says_why(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    with pytest.raises(TaskNotFound):
        await flow.mesh.rerun_task("no-such-task")
    waiting = await flow.start()
    with pytest.raises(RerunRefused, match="nobody has begun with it"):
        await flow.mesh.rerun_task(waiting.task_id)
    async with flow.served(work):
        await asked(waiting)
        last = (await waiting.stored_log())[-1][0]
        with pytest.raises(RerunRefused, match=f"no event {last + 1}, the last is {last}") as told:
            await flow.mesh.rerun_task(waiting.task_id, last + 1)
        assert (told.value.task_id, told.value.after) == (waiting.task_id, last + 1)
        # Whoever writes the message by hand gets no more than that, and not what is another's.
        for rerun, reason in (
            ({"task_id": waiting.task_id, "after": last + 1}, "which is not there"),
            ({"task_id": "gone", "after": 1}, "whose log is gone"),
            ({"task_id": waiting.task_id}, "names no place in a log"),
            ("it", "names no place in a log"),
        ):
            made_up = await flow.mesh.send_direct_message(flow.name, "", metadata={RERUN: rerun})
            assert reason in await failure(made_up)
        stolen = await flow.mesh.send_direct_message(
            flow.name,
            "",
            metadata={RERUN: {"task_id": waiting.task_id, "after": last}},
            owner="mallory",
        )
        assert "done for somebody else" in await failure(stolen)
        assert not await logged(stolen, "asked")


async def test_in_an_agent_that_is_no_workflow(config: NATSConfig, name: Name) -> None:
    agent, done = Agent(name("Worker"), config=config), Done()

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        async def act() -> str:
            done["act"] += 1
            return "acted"

        await task.step(act)
        done["run"] += 1
        if done["run"] <= 2:
            raise ValueError("broken")
        return "done"

    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(agent):
        source = await mesh.send_direct_message(agent.name, "x")
        await failure(source)
        again = await mesh.rerun_task(source.task_id)
        assert await again.result(timeout=PATIENCE) == "done"
    assert done == {"act": 1, "run": 3}
