"""Runtimes on the mesh: behind an agent's name, and inside a task."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

import hubbub
from hubbub import Agent, Mesh, MissingExtra, NATSConfig, Task
from hubbub.runtimes import at_work
from hubbub.runtimes.calls import ask_person
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.scripted import MODEL, ScriptedModel
from hubbub.testing import ServerProcess

from .kit import INSTALLED, Making, go


@pytest.fixture
async def mesh(shared_server: ServerProcess, server: ScriptedModel) -> AsyncIterator[Mesh]:
    config = NATSConfig(nats_url=shared_server.url, openai_base_url=server.base_url, max_attempts=1)
    async with hubbub.connect(config=config) as mesh:
        yield mesh


async def _asked(handle: Any) -> Any:
    """Return the question that a task asks."""
    async for event in handle.events():
        if event.kind == "asked":
            return event.data["question"]
    raise AssertionError("it asked nothing")


async def _result(handle: Any) -> str:
    """Return a task's result; if there is none, say what its log has."""
    try:
        return str(await handle.result(timeout=30))
    except Exception as error:
        log = [f"{event.kind} {event.data}"[:200] for event in await _so_far(handle)]
        raise AssertionError("\n".join(log)) from error


async def _so_far(handle: Any) -> list[Any]:
    events: list[Any] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            async for event in handle.events():
                events.append(event)  # noqa: PERF401 - what came before the timeout counts
    return events


async def test_an_agent_thinks_with_a_runtime(make: Making, mesh: Mesh, framework: str) -> None:
    name = f"Thinker-{framework}"
    async with mesh.serve(Agent(name, runtime=make())):
        assert (await mesh.request_from_agent(name, "[[say hello]]", timeout=30)).text == "hello"
        pieces = [piece async for piece in mesh.stream_from_agent(name, "[[say a b c]]")]
        assert (len(pieces), "".join(pieces)) == (3, "a b c")
        handle = await mesh.send_direct_message(name, "[[call list_agents]][[say done]]")
        assert await handle.result(timeout=30) == "done"
        events = [event async for event in handle.events()]
    kinds = [event.kind for event in events]
    assert kinds.index("tool_call") < kinds.index("tool_result") < kinds.index("completed")
    # Each call is in the log with what it used, and not counted a second time.
    assert (kinds.count("model"), kinds.count("usage")) == (2, 0)
    assert all(event.data["model"] for event in events if event.kind == "model")


async def test_a_question_parks_the_task_and_an_answer_ends_it(
    make: Making, mesh: Mesh, framework: str, server: ScriptedModel
) -> None:
    agent = Agent(f"Asker-{framework}")

    @agent.agentic_run
    async def work(task: Task) -> str:
        return str(await task.run_team(make(), task.content, tools=[ask_person]))

    async with mesh.serve(agent):
        topic = '[[call ask_person {"question": "Which colour?"}]]'
        handle = await mesh.send_direct_message(agent.name, topic)
        question = await asyncio.wait_for(_asked(handle), 20)
        assert question["prompt"] == "Which colour?"
        await handle.answer("blue", question["id"], by="ada")
        assert "blue" in await _result(handle)
    assert len(server.requests) == 2


async def test_an_approval_is_asked_by_the_task(make: Making, mesh: Mesh, framework: str) -> None:
    agent = Agent(f"Careful-{framework}")

    def delete(path: str) -> str:
        """Delete a file."""
        return f"deleted {path}"

    @agent.agentic_run
    async def work(task: Task) -> str:
        team = make(approve=["delete"])
        return str(await task.run_team(team, task.content, tools=[delete]))

    async with mesh.serve(agent):
        handle = await mesh.send_direct_message(agent.name, '[[call delete {"path": "a"}]]')
        question = await asyncio.wait_for(_asked(handle), 20)
        assert (question["kind"], question["tool"]) == ("approval", "delete")
        decision = {"decision": "approve", "arguments": {"path": "b"}, "comment": ""}
        await handle.answer(decision, question["id"], by="ada")
        assert "deleted b" in await _result(handle)


async def test_whoever_leaves_an_answer_early_ends_the_run(mesh: Mesh) -> None:
    class Endless:
        name = "endless"
        limits = None

        def __init__(self) -> None:
            self.has_ended = False

        async def run(self, task: str | None, ctx: RunContext) -> RunResult:
            assert task
            try:
                while True:
                    await ctx.emit("text", self.name, delta="again ")
            finally:
                self.has_ended = True

    agent = Agent("Impatient")

    @agent.run
    async def run(task: Task) -> str:
        runtime = Endless()
        pieces = await at_work.answer(runtime, task)
        assert await anext(pieces) == "again "
        await pieces.aclose()
        return f"ended: {runtime.has_ended}"

    async with mesh.serve(agent):
        said = [piece async for piece in mesh.stream_from_agent("Impatient", "go")]
    assert "".join(said) == "ended: True"


async def test_what_is_no_runtime_is_refused() -> None:
    with pytest.raises(TypeError, match="is no runtime"):
        Agent("Nobody", runtime=object())


@pytest.mark.parametrize(
    ("factory", "extra"),
    [("from_autogen", "autogen"), ("from_ag2", "ag2"), ("from_pydantic_ai", "pydantic-ai")],
)
def test_without_the_package_the_error_names_the_command(factory: str, extra: str) -> None:
    if INSTALLED[extra]:
        return
    with pytest.raises(MissingExtra, match=rf"pip install 'hubbub\[{extra}\]'") as caught:
        getattr(hubbub, factory)(object())
    assert caught.value.extra == extra


async def test_two_loops_one_after_another_can_use_one_runtime(make: Making) -> None:
    runtime = make()
    assert (await go(runtime, "[[say here]]")).output == "here"

    def elsewhere() -> str:
        async def there() -> str:
            said = str((await go(runtime, "[[say there]]")).output)
            await runtime.aclose()
            return said

        return asyncio.run(there())

    assert await asyncio.to_thread(elsewhere) == "there"
    assert MODEL
