"""Workflows: registered by name, started with a form, in versions, sync or async."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

import hubbub
from hubbub import (
    Agent,
    Approval,
    HubbubError,
    InvalidAgentName,
    NATSConfig,
    SettingsError,
    Task,
    TaskHandle,
    Workflows,
)
from hubbub.testing import clock

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE, soon, until

Name = Callable[[str], str]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


class Size(BaseModel):
    width: int
    height: int = 1


# Registering


def test_a_workflow_is_an_agent_with_a_form() -> None:
    workflows = Workflows(concurrency=3)

    @workflows.register(name="Order-Things", description="Orders things", capabilities=["shopping"])
    async def order(  # pyright: ignore[reportUnusedFunction]
        task: Task, what: str, pieces: int = 1, kind: Literal["new", "used"] = "new"
    ) -> None:
        """Order."""

    @workflows.register()
    def plain(task: Task) -> None:
        """Say nothing at all.

        Not even this.
        """

    assert len(workflows) == 2
    first, second = workflows
    assert first is workflows["order_things"] is workflows["Order-Things"]
    assert isinstance(first, Agent)
    assert first.concurrency == 3
    assert first.card.description == "Orders things"
    assert first.card.capabilities == ["workflow", "shopping"]
    schema = first.card.metadata["input_schema"]
    assert schema["required"] == ["what"]
    assert schema["properties"]["pieces"]["default"] == 1
    assert schema["properties"]["kind"]["enum"] == ["new", "used"]
    assert (second.name, second.card.description) == ("plain", "Say nothing at all.")
    assert second.card.metadata == {}
    assert plain.__name__ == "plain"
    with pytest.raises(KeyError):
        workflows["nothing"]


def test_what_cannot_be_registered_says_why() -> None:
    workflows = Workflows()

    def fine(task: Task) -> None: ...

    workflows.register(name="fine")(fine)
    with pytest.raises(SettingsError, match="give this one another version"):
        workflows.register(name="Fine")(fine)
    workflows.register(name="fine", version="2")(fine)
    assert [*workflows["fine"].versions] == ["2", ""]
    assert workflows["fine"].card.version == "2"
    with pytest.raises(SettingsError, match="version '2' of the workflow"):
        workflows.register(name="fine", version="2")(fine)
    with pytest.raises(InvalidAgentName):
        workflows.register(name="not a name.")(fine)

    def taskless() -> None: ...

    def starred(task: Task, *names: str) -> None: ...

    def strange(task: Task, lock: threading.Lock) -> None: ...

    for function, reason in [
        (taskless, "must take the task"),
        (starred, "has no start form"),
        (strange, "without a JSON schema"),
    ]:
        with pytest.raises(TypeError, match=reason):
            workflows.register()(function)


# Starting


@dataclass
class Order:
    what: str
    pieces: int


async def test_parameters_arrive_in_their_types(flow: Flow) -> None:
    seen = list[Any]()

    async def work(task: Task, size: Size, names: list[str], order: Order | None = None) -> None:
        seen.extend([size, names, order])

    await flow.result(work, size={"width": "3"}, names=["a"], order={"what": "pen", "pieces": 2})
    assert seen == [Size(width=3), ["a"], Order("pen", 2)]


async def shop(task: Task, article: str, pieces: int = 1) -> list[Any]:
    return [article, pieces]


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ("pen", ["pen", 1]),
        ('{"article": "pen", "pieces": 2}', ["pen", 2]),
        ({"article": "pen", "pieces": 3}, ["pen", 3]),
    ],
)
async def test_the_content_will_do_in_place_of_params(
    flow: Flow, content: Any, result: Any
) -> None:
    async with flow.served(shop):
        handle = await flow.mesh.send_direct_message(flow.name, content)
        assert await handle.result(timeout=PATIENCE) == result


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "article: Field required"),
        ({"article": 7}, "article: Input should be a valid string"),
        ({"article": "pen", "pieces": "many"}, "pieces: Input should be a valid integer"),
        ({"article": "pen", "peaces": 1}, "has no parameter 'peaces'"),
        (["pen"], "params must be an object with article, pieces"),
    ],
)
async def test_wrong_parameters_reject_the_run_before_it_begins(
    flow: Flow, params: Any, reason: str
) -> None:
    called = Counter[str]()

    async def work(task: Task, article: str, pieces: int = 1) -> None:
        called["work"] += 1

    async with flow.served(work):
        handle = await flow.mesh.send_direct_message(flow.name, "", metadata={"params": params})
        assert reason in await failure(handle)
        assert await handle.state() == "rejected"
    assert not called


async def test_a_request_to_a_workflow_is_answered_with_its_result(flow: Flow) -> None:
    async def work(task: Task, article: str, pieces: int = 1) -> Any:
        who = await task.ask_text("For whom?")
        return {"article": article, "who": who}

    async with flow.served(work):
        asking = asyncio.create_task(flow.mesh.request_from_agent(flow.name, "pen"))

        async def is_asked() -> bool:
            page = await flow.mesh.tasks(flow.name)
            return bool(page.tasks and page.tasks[0].questions)

        await until(is_asked)
        (summary,) = (await flow.mesh.tasks(flow.name)).tasks
        await flow.mesh.answer_task(summary.id, "Ada")
        assert (await soon(asking)).content == {"article": "pen", "who": "Ada"}
        with pytest.raises(hubbub.RemoteError, match="article: Field required"):
            await flow.mesh.request_from_agent(flow.name, "")


async def test_it_is_listed_with_its_form_and_its_version(flow: Flow) -> None:
    async with flow.served(("3", shop)):
        (card,) = [one for one in await flow.mesh.list_agents("workflow") if one.name == flow.name]
    assert card.version == "3"
    assert card.metadata["input_schema"]["required"] == ["article"]


# Sub-workflows and owners


async def test_a_sub_workflow_works_for_the_same_person(config: NATSConfig, name: Name) -> None:
    workflows = Workflows()
    outer, inner = name("outer"), name("inner")

    @workflows.register(name=inner)
    async def ask(task: Task, what: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"{what}: {await task.ask_text(f'Which {what}?')}"

    @workflows.register(name=outer)
    async def begin(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
        begun = [
            await task.send_direct_message(inner, "", metadata={"params": {"what": what}})
            for what in ("colour", "size")
        ]
        reply = await task.request_from_agent(inner, "number", timeout=30)
        return [*(await asyncio.gather(*(one.result() for one in begun))), reply.content]

    async with hubbub.connect(config=config) as mesh, mesh.serve(*workflows):
        handle = await mesh.send_direct_message(outer, "", owner="ada")
        answered = set[str]()
        while not (await handle.state()).is_final:
            for one in (await mesh.tasks(inner, state="input-required")).tasks:
                if one.id not in answered:
                    answered.add(one.id)
                    await mesh.answer_task(one.id, one.questions[0].prompt.split()[1].upper())
            await asyncio.sleep(0.02)
        result = await handle.result()
        assert result == ["colour: COLOUR?", "size: SIZE?", "number: NUMBER?"]
        owners = {one.id: one.owner for one in (await mesh.tasks(inner, owner="ada")).tasks}
        assert len(owners) == 3
        assert (await mesh.tasks(outer, owner="ada")).tasks[0].id == handle.task_id


# Saying


async def test_what_is_shown_is_in_the_log_once(flow: Flow, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PNG)

    async def work(task: Task) -> str:
        await task.say("hello")
        await task.say("hello")
        async with task.say_stream() as out:
            await out.write("piece ")
            await out.write("by piece")
        await task.image(PNG, caption="bytes")
        await task.image(file)
        await task.image("https://example.com/a.jpg", caption="url")
        await task.progress("half way", 0.5)
        await task.tool_call("mail", {"to": "Ada"}, call_id="1")
        await task.tool_result("mail", "sent", call_id="1")
        await task.record("mine", {"fact": 1})
        await asyncio.gather(*(task.say(f"beside {number}") for number in range(3)))

        async def speak(number: int) -> None:
            await task.say(f"group {number}")

        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(speak(number))
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        await handle.result(timeout=PATIENCE)
    said = [event.data["text"] for event in await logged(handle, "said")]
    assert said[:3] == ["hello", "hello", "piece by piece"]
    assert sorted(said[3:]) == [f"{kind} {n}" for kind in ("beside", "group") for n in range(3)]
    images = [event.data for event in await logged(handle, "image")]
    assert [image["caption"] for image in images] == ["bytes", "", "url"]
    assert base64.b64decode(images[0]["data"]) == base64.b64decode(images[1]["data"]) == PNG
    assert images[0]["media_type"] == "image/png"
    assert images[2]["url"] == "https://example.com/a.jpg"
    for kind in ("progress", "tool_call", "tool_result", "mine"):
        assert len(await logged(handle, kind)) == 1


@pytest.mark.parametrize("kind", ["step", "answered", "completed", "sent"])
async def test_nobody_else_writes_what_hubbub_writes(flow: Flow, kind: str) -> None:
    async def work(task: Task) -> None:
        await task.record(kind, {})

    async with flow.served(work):
        assert "use another word" in await failure(await flow.start())


async def test_what_is_no_image_is_refused(flow: Flow) -> None:
    async def work(task: Task) -> None:
        await task.image(b"nothing to see")

    async with flow.served(work):
        assert "no PNG, JPEG, GIF or WebP" in await failure(await flow.start())


# Sync workflows


async def test_a_sync_workflow_does_all_of_it(flow: Flow, name: Name, tmp_path: Path) -> None:
    calls, other, seen = Counter[str](), Agent(name("Other")), list[Any]()

    @other.run
    def answer(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        calls["request"] += 1
        return text.upper()

    @other.agentic_run
    def work_on(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        calls["child"] += 1
        return f"done: {task.content}"

    def work(task: Task, who: str) -> Any:
        do = task.blocking
        calls["work"] += 1

        def quick() -> str:
            calls["quick"] += 1
            inner = do.step(lambda: calls.update(["inner"]) or "inner", name="inner")
            return f"{inner} {do.step_key == task.step_key}"

        async def slow(text: str) -> str:
            calls["slow"] += 1
            return text

        found = [
            do.step(quick),
            do.step(slow, "slow"),
            do.ask_text("Text?", suggestions=["a"]),
            do.ask_choice("Choice?", ["a", "b"]),
            do.ask_choices("Choices?", ["a", "b"]),
        ]
        do.say(f"hello {who}")
        do.say(f"hello {who}")
        with do.say_stream() as out:
            out.write("piece by ")
            out.write("piece")
            assert out.text == "piece by piece"
        do.image(PNG)
        do.progress("half way", 0.5)
        do.tool_call("mail", {})
        do.tool_result("mail", "sent")
        do.record("mine", {})
        do.show("nothing is kept")
        approval = do.approve("mail", {"to": "Ada"}, reason="why not")
        assert isinstance(approval, Approval)
        seen.append([do.now(), do.random().random()])
        do.sleep(0.01)
        with do.branch("branch"):
            found.append(do.step(slow, "branch"))
        found += [
            do.request_from_agent(other.name, "question").content,
            do.send_direct_message(other.name, "this").result(),
            approval.approved,
            do.ask_text("Last?"),
        ]
        return found

    answers: list[Any] = ["text", "a", ["b"], {"decision": "approve"}, "last"]
    async with flow.served(work), flow.mesh.serve(other):
        handle = await flow.start(who="Ada")
        for one in answers:
            await asked(handle)
            await answered(handle, one)
        assert await handle.result(timeout=PATIENCE) == [
            *("inner True", "slow", "text", "a", ["b"]),
            *("branch", "QUESTION", "done: this", True, "last"),
        ]
    assert calls.pop("work") >= 6
    assert calls == {"quick": 1, "inner": 1, "slow": 2, "request": 1, "child": 1}
    assert all(one == seen[0] for one in seen)
    said = [event.data["text"] for event in await logged(handle, "said")]
    assert said == ["hello Ada", "hello Ada", "piece by piece"]


async def test_a_sync_generator_goes_on_too(flow: Flow) -> None:
    calls = Counter[str]()

    def work(task: Task) -> Iterator[str]:
        for number in range(5):
            task.blocking.step(lambda: calls.update(["step"]), name="step")
            yield f"{number} "
        yield task.blocking.ask_text("Who?")

    async with flow.served(work):
        others = [await flow.start() for _ in range(3)]
        for handle in others:
            await asked(handle)
            await handle.answer("Ada")
        for handle in others:
            assert await handle.result(timeout=PATIENCE) == "0 1 2 3 4 Ada"
    assert calls["step"] == 15


async def test_a_sync_workflow_in_an_async_place_is_told_so(flow: Flow) -> None:
    async def work(task: Task) -> None:
        task.blocking.say("hello")

    async with flow.served(work):
        assert "in an async one, await the verb itself" in await failure(await flow.start())


async def test_a_thread_of_ones_own_needs_a_name(flow: Flow) -> None:
    errors = list[str]()

    def work(task: Task) -> Any:
        found = list[str]()

        def beside() -> None:
            try:
                task.blocking.step(len, "four")
            except HubbubError as error:
                errors.append(str(error))
            found.append(str(task.blocking.step(len, "four", name="four")))

        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
        return [*found, task.blocking.ask_text("Who?")]

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer("Ada")
        assert await handle.result(timeout=PATIENCE) == ["4", "Ada"]
    assert len(errors) == 2
    assert len(await logged(handle, "step")) == 1


# Versions


def version(name: str) -> Any:
    async def work(task: Task) -> str:
        await task.step(str, name, name=f"step of {name}")
        answer = await task.ask_text("Go on?")
        return f"{name} {answer}"

    return work


async def test_a_run_ends_with_the_version_it_began_with(flow: Flow) -> None:
    async with flow.served(("1", version("old"))):
        old = await flow.start()
        await asked(old)
        assert (await old.snapshot()).version == "1"
    async with flow.served(("1", version("old")), ("2", version("new"))):
        new = await flow.start()
        await asked(new)
        for handle in (old, new):
            await handle.answer("yes")
        assert await old.result(timeout=PATIENCE) == "old yes"
        assert await new.result(timeout=PATIENCE) == "new yes"
        assert (await new.snapshot()).version == "2"
        assert (await flow.mesh.find_task(old.task_id)).version == "1"


async def test_a_process_without_its_version_leaves_a_run_to_one_that_has_it(
    flow: Flow, config: NATSConfig
) -> None:
    async with flow.served(("1", version("old"))):
        handles = [await flow.start() for _ in range(3)]
        for handle in handles:
            await asked(handle)
    async with flow.served(("2", version("new"))):
        for handle in handles:
            await flow.mesh.answer_task(handle.task_id, "yes")
        new = await flow.start()
        await asked(new)
        assert (await new.snapshot()).version == "2"
        left = await flow.mesh.find_task(handles[0].task_id)
        assert left.held_up == f"nobody serves version '1' of {flow.name}"
        assert [one.answered_by for one in left.questions] == [flow.mesh.name]
        assert not (await flow.mesh.find_task(new.task_id)).held_up
        # It is left alone, and nothing is written into its log.
        assert [event.kind for event in await logged(handles[0])][-1] == "parked"
        async with hubbub.connect(config=config) as second:
            elsewhere = Flow(second, flow.name)
            began = time.monotonic()
            async with elsewhere.served(("1", version("old"))):
                async with asyncio.timeout(20):
                    assert [await one.result() for one in handles] == ["old yes"] * 3
            assert time.monotonic() - began < 15
        await new.answer("yes")
        assert await new.result(timeout=PATIENCE) == "new yes"


# Side by side


async def test_many_runs_side_by_side_mix_nothing(flow: Flow) -> None:
    async def work(task: Task, number: int) -> Any:
        async def square(factor: int) -> int:
            await asyncio.sleep(0)
            return factor * number

        async with asyncio.TaskGroup() as group:
            found = [group.create_task(task.step(square, factor)) for factor in range(3)]
        text = await task.ask_text(f"{number}?")
        await task.say(text)
        return [text, *(one.result() for one in found)]

    async def play(handle: TaskHandle, number: int) -> None:
        (question,) = await asked(handle)
        assert question.prompt == f"{number}?"
        await handle.answer(str(number))

    async with flow.served(work):
        handles = [await flow.start(number=number) for number in range(30)]
        async with asyncio.TaskGroup() as group:
            for number, handle in enumerate(handles):
                group.create_task(play(handle, number))
        results = [await handle.result(timeout=PATIENCE) for handle in handles]
    assert results == [[str(n), 0, n, 2 * n] for n in range(30)]


async def test_more_runs_wait_than_a_process_works_on(flow: Flow) -> None:
    """Those that wait for people take no place away from the others."""
    workflows = Workflows(concurrency=1)

    @workflows.register(name=flow.name)
    async def work(task: Task, asks: bool) -> str:  # pyright: ignore[reportUnusedFunction]
        return await task.ask_text("Who?") if asks else "done"

    async with flow.mesh.serve(*workflows):
        waiting = [await flow.start(asks=True) for _ in range(5)]
        for handle in waiting:
            await at_rest(handle)
        assert await (await flow.start(asks=False)).result(timeout=PATIENCE) == "done"
        for handle in waiting:
            await handle.cancel()
            with contextlib.suppress(hubbub.TaskCanceled):
                await handle.result(timeout=PATIENCE)


async def test_a_moved_clock_is_what_now_tells(flow: Flow) -> None:
    with clock() as moved:

        async def work(task: Task) -> str:
            before = await task.now()
            moved.move(days=3)
            return f"{(await task.now() - before).days}"

        assert await flow.result(work) == "3"
