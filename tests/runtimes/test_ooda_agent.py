"""An agent with a model, on a real mesh: what its requesters get, whatever the model does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

import hubbub
from hubbub import (
    Agent,
    Limits,
    Mesh,
    NATSConfig,
    NATSOODAAgent,
    RemoteError,
    Task,
    TaskFailed,
)
from hubbub.runtimes import RunContext, ToolLoop, execute
from hubbub.runtimes.scripted import MODEL, ScriptedModel
from hubbub.testing import ServerProcess


def get_weather(city: str) -> str:
    """Return the weather.

    Args:
        city: where
    """
    return f"sunny in {city}"


def broken(city: str) -> str:
    """Fail.

    Args:
        city: where
    """
    raise ValueError(f"no sky over {city}")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as server:
        yield server


@pytest.fixture
def config(shared_server: ServerProcess, model: ScriptedModel) -> NATSConfig:
    return NATSConfig(
        nats_url=shared_server.url,
        openai_base_url=model.base_url,
        max_attempts=1,
        connection_timeout=10,
        message_timeout=60,
    )


@pytest.fixture
async def mesh(config: NATSConfig) -> AsyncIterator[Mesh]:
    async with hubbub.connect(config=config) as mesh:
        yield mesh


async def test_it_answers_streams_and_works_with_its_tools(mesh: Mesh, config: NATSConfig) -> None:
    agent = NATSOODAAgent(
        name="Sky-Bot",
        instructions="You know the weather.",
        model=MODEL,
        tools=[get_weather],
        nats_config=config,
    )
    async with mesh.serve(agent):
        call = '[[call get_weather {"city": "Rome"}]]'
        answer = await mesh.request_from_agent("Sky-Bot", call, timeout=30)
        assert "sunny in Rome" in answer.text
        pieces = [piece async for piece in mesh.stream_from_agent("Sky-Bot", "[[say a b c]]")]
        assert len(pieces) > 1
        assert "".join(pieces) == "a b c"
        handle = await mesh.send_direct_message("Sky-Bot", call)
        assert "sunny in Rome" in str(await handle.result(timeout=30))
        events = [event async for event in handle.events()]
        phases = [event.data["phase"] for event in events if event.kind == "phase"]
        assert phases[:4] == ["observe", "orient", "decide", "act"]
        kinds = [event.kind for event in events]
        assert kinds.index("tool_call") < kinds.index("tool_result") < kinds.index("completed")


async def test_the_mesh_is_a_tool_and_what_it_sends_belongs_to_the_conversation(
    mesh: Mesh, config: NATSConfig
) -> None:
    expert = NATSOODAAgent("Expert-Bot", model=MODEL, nats_config=config, mesh_tools=False)
    asker = NATSOODAAgent(
        "Asker-Bot", model=MODEL, nats_config=config, mesh_tools=["request_from_agent"]
    )
    async with mesh.serve(expert, asker):
        call = (
            '[[call request_from_agent {"to_agent": "Expert-Bot", "content": "[[say forty-two]]"}]]'
        )
        answer = await mesh.request_from_agent("Asker-Bot", call, timeout=30)
        assert "forty-two" in answer.text
    with pytest.raises(ValueError, match="sing"):
        NATSOODAAgent("Singer", nats_config=config, mesh_tools=["sing"])


@pytest.mark.parametrize(
    ("quirk", "tools", "text"),
    [
        ("-badjson", [get_weather], '[[call get_weather {"city": "Rome"}]]'),
        ("", [broken], '[[call broken {"city": "Rome"}]]'),
        ("", [get_weather], '[[call no_such_tool {"city": "Rome"}]]'),
    ],
)
async def test_a_call_that_goes_wrong_is_told_to_the_model_and_the_requester_gets_an_answer(
    mesh: Mesh, config: NATSConfig, quirk: str, tools: list[object], text: str
) -> None:
    agent = NATSOODAAgent("Clumsy-Bot", model=MODEL + quirk, tools=tools, nats_config=config)
    async with mesh.serve(agent):
        assert (await mesh.request_from_agent("Clumsy-Bot", text, timeout=30)).text
        assert (await mesh.request_from_agent("Clumsy-Bot", "[[say on]]", timeout=30)).text == "on"


@pytest.mark.parametrize("quirk", ["-nonsense", "-silent", "-sseerror", "-length", "-loop"])
async def test_a_model_that_fails_is_a_clear_error_in_time_and_the_agent_lives_on(
    mesh: Mesh, config: NATSConfig, quirk: str
) -> None:
    agent = NATSOODAAgent("Poor-Bot", model=MODEL + quirk, tools=[get_weather], nats_config=config)
    async with mesh.serve(agent):
        for _ in range(2):
            async with asyncio.timeout(20):
                with pytest.raises(RemoteError) as failed:
                    await mesh.request_from_agent("Poor-Bot", "hello", timeout=4)
            assert failed.value.agent == "Poor-Bot"
            assert len(failed.value.reason) > 10


async def test_an_unreachable_model_is_named_with_what_to_do(
    mesh: Mesh, config: NATSConfig
) -> None:
    lost = config.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})
    agent = NATSOODAAgent("Lost-Bot", model="any", nats_config=lost)
    async with mesh.serve(agent):
        with pytest.raises(RemoteError, match=r"127\.0\.0\.1:9/v1.*OPENAI_BASE_URL"):
            await mesh.request_from_agent("Lost-Bot", "hello", timeout=10)
        handle = await mesh.send_direct_message("Lost-Bot", "hello")
        with pytest.raises(hubbub.TaskFailed, match="OPENAI_BASE_URL"):
            await handle.result(timeout=30)
        assert [card.name for card in await mesh.list_agents() if card.name == "Lost-Bot"]


async def test_the_limits_of_a_task_hold_over_all_runs_of_models_in_it(
    mesh: Mesh, config: NATSConfig
) -> None:
    agent = Agent("Double-Bot", limits=Limits(requests=3))
    loop = ToolLoop(MODEL, config=config)

    @agent.agentic_run
    async def work(task: Task) -> str:
        for _ in range(10):
            await execute(loop, "[[say ok]]", RunContext())
        return "done"

    async with mesh.serve(agent):
        handle = await mesh.send_direct_message("Double-Bot", "go")
        with pytest.raises(TaskFailed, match="3 requests"):
            await handle.result(timeout=10)
    await loop.aclose()


async def test_a_note_is_in_the_next_model_call_and_on_record(
    mesh: Mesh, config: NATSConfig, model: ScriptedModel
) -> None:
    calls, go_on = asyncio.Queue[str](), asyncio.Queue[None]()

    async def pause(name: str) -> str:
        """Wait.

        Args:
            name: for what
        """
        calls.put_nowait(name)
        await go_on.get()
        return f"{name} is over"

    def serving() -> NATSOODAAgent:
        settings = config.model_copy(update={"max_attempts": 3, "grace_seconds": 0.0})
        return NATSOODAAgent(
            "Driver-Bot", model=MODEL, tools=[pause], nats_config=settings, mesh_tools=False
        )

    note = '[[call pause {"name": "second"}]]'
    quick = config.model_copy(update={"max_attempts": 3, "grace_seconds": 0.0})
    async with hubbub.connect(config=quick) as own:
        async with own.serve(serving()):
            handle = await own.send_direct_message("Driver-Bot", '[[call pause {"name": "first"}]]')
            async with asyncio.timeout(10):
                assert await calls.get() == "first"
            assert len(model.requests) == 1
            await handle.steer(note, by="ada")
            await _logged(handle, "steered")
            go_on.put_nowait(None)
            async with asyncio.timeout(10):
                assert await calls.get() == "second"
            assert model.requests[1]["messages"][-1] == {"role": "user", "content": note}
            # A note that comes now must not be taken for one that was read before.
            await handle.steer("[[say third]]")
        for _ in range(2):
            go_on.put_nowait(None)
        before = len(model.requests)
        async with own.serve(serving()):
            assert "third" in str(await handle.result(timeout=20))
        kinds = [event.kind async for event in handle.events()]
        assert kinds.count("steered") == kinds.count("notes_read") == 2
    # What had been asked was on record: nothing was paid twice.
    bodies = [str(one["messages"]) for one in model.requests]
    assert len(bodies) == len(set(bodies)) > before


async def _logged(handle: hubbub.TaskHandle, kind: str) -> None:
    async with asyncio.timeout(10):
        async for event in handle.events():
            if event.kind == kind:
                return


async def test_teams_beside_the_handlers_own_task_leave_notes_to_others(
    mesh: Mesh, config: NATSConfig
) -> None:
    agent = Agent("Two-Teams")
    loop = ToolLoop(MODEL, config=config)

    @agent.agentic_run
    async def work(task: Task) -> list[str]:
        both = [task.run_team(loop, f"[[say {one}]]") for one in ("one", "two")]
        said = await asyncio.gather(*both)
        return [*said, *await task.steering()]

    waiting = await mesh.send_direct_message("Two-Teams", "go")
    await waiting.steer("left")
    async with mesh.serve(agent):
        assert await waiting.result(timeout=20) == ["one", "two", "left"]
    await loop.aclose()
