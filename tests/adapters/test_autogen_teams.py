"""Teams of classic AutoGen: chats of two, group chats, people in the circle."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

import hubbub
from hubbub import Agent, NATSConfig
from hubbub.mesh.activity import Activity, acting
from hubbub.runtimes.adapters.autogen import AutoGenRuntime, from_autogen
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.at_work import as_runtime
from hubbub.runtimes.neutral import Question, RunContext
from hubbub.runtimes.permitted import SCRIPTED
from hubbub.runtimes.scripted import ScriptedModel, ToolCalls
from hubbub.testing import ServerProcess
from hubbub.wire.envelope import AgentMessage
from runtimes.kit import Watcher

from .kit import INSTALLED, autogen_agent, go, why_not
from .test_kit import Log

pytestmark = pytest.mark.skipif(not INSTALLED["autogen"], reason=why_not("autogen"))


def _frame() -> Any:
    return package("autogen", extra="autogen", feature="tests")


def _counting(messages: list[dict[str, Any]], _tools: Any) -> str:
    """Answer with the speaker's name and how much it has heard."""
    system = next((one["content"] for one in messages if one["role"] == "system"), "")
    return f"{system} heard {sum(one['role'] != 'system' for one in messages)}"


def _circle(server: ScriptedModel, *more: Any, rounds: int = 4) -> Any:
    agents = [autogen_agent(server, name, system_message=name) for name in ("student", "teacher")]
    return _frame().GroupChat(
        [*agents, *more], [], max_round=rounds, speaker_selection_method="round_robin"
    )


def _person() -> Any:
    return _frame().UserProxyAgent("person", human_input_mode="ALWAYS", code_execution_config=False)


async def test_a_group_chat_tells_who_says_what(watcher: Watcher) -> None:
    async with ScriptedModel(_counting) as server:
        team = from_autogen(lambda: _circle(server))
        result = await go(team, "teach me", watcher)
        said = [(one.agent, one.data["content"]) for one in watcher.events if one.kind == "message"]
        assert [name for name, _ in said] == ["student", "teacher", "student"]
        assert result.output == said[-1][1]
        assert {one.agent for one in watcher.events if one.kind == "text"} == {
            "student",
            "teacher",
        }
        state = json.loads(json.dumps(result.state))
        again = await go(team, "and more", state=state)
        assert again.output != result.output
        assert len(again.state["done"]) == 8
        await team.aclose()


async def test_a_chat_of_two_takes_its_turns(watcher: Watcher) -> None:
    async with ScriptedModel(_counting) as server:

        def pair() -> Any:
            return tuple(
                autogen_agent(server, name, system_message=name) for name in ("asker", "expert")
            )

        team = from_autogen(pair, max_turns=2)
        result = await go(team, "begin", watcher)
        names = [one.agent for one in watcher.events if one.kind == "message"]
        assert names == ["asker", "expert", "asker", "expert"]
        assert str(result.output).startswith("expert heard")
        await team.aclose()


async def test_what_both_of_a_pair_say_is_on_record(own_server: ServerProcess) -> None:
    async with ScriptedModel(_counting) as server:

        def pair() -> Any:
            return [
                autogen_agent(server, name, system_message=name) for name in ("asker", "expert")
            ]

        agent = Agent("Pair", runtime=from_autogen(pair, max_turns=2))
        config = NATSConfig(nats_url=own_server.url)
        async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
            handle = await mesh.send_direct_message("Pair", "begin")
            await handle.result(timeout=30)
            said = [event.data["agent"] async for event in handle.events() if event.kind == "said"]
    assert said == ["asker", "expert"] * 2


def test_a_team_does_not_go_by_the_name_of_a_member(server: ScriptedModel) -> None:
    pair = [autogen_agent(server, name) for name in ("asker", "expert")]
    assert from_autogen(pair).name == "asker and expert"
    assert from_autogen(_circle(server)).name == "chat_manager"
    with pytest.raises(ValueError, match="'expert' is a member of the team"):
        from_autogen(pair, name="expert")
    with pytest.raises(ValueError, match="'expert' is a member of the team"):
        _ = from_autogen(lambda: pair, name="expert").cast()


def test_agents_of_ones_own_classes_are_known(server: ScriptedModel) -> None:
    class Own(_frame().ConversableAgent):
        pass

    own = Own("own", llm_config=autogen_agent(server, "own").llm_config)
    assert isinstance(as_runtime(own), AutoGenRuntime)
    assert isinstance(as_runtime([own, autogen_agent(server, "other")]), AutoGenRuntime)


async def test_many_runs_at_once_leave_the_loop_its_threads() -> None:
    async with ScriptedModel() as server:
        # A name has to be looked up, which the loop does in threads of its own, and it has few.
        there = SimpleNamespace(base_url=server.base_url.replace("127.0.0.1", "localhost"))
        SCRIPTED.add(there.base_url)
        runtime = from_autogen(lambda: autogen_agent(cast("Any", there), "busy"))
        said = await asyncio.gather(*(go(runtime, f"[[say r{at}]]") for at in range(40)))
        assert [result.output for result in said] == [f"r{at}" for at in range(40)]
        await runtime.aclose()
        SCRIPTED.discard(there.base_url)


async def test_a_model_of_ones_own_is_left_alone() -> None:
    class OwnModel:
        def __init__(self, _config: Any, **_options: Any) -> None: ...

        def create(self, _params: Any) -> Any:
            message = SimpleNamespace(content="my own words", function_call=None)
            return SimpleNamespace(choices=[SimpleNamespace(message=message)], model="own")

        def message_retrieval(self, response: Any) -> list[str]:
            return [choice.message.content for choice in response.choices]

        def cost(self, _response: Any) -> float:
            return 0.0

        @staticmethod
        def get_usage(_response: Any) -> dict[str, Any]:
            return {}

    def made() -> Any:
        entry = {"model": "own", "model_client_cls": "OwnModel", "api_key": "x"}
        agent = _frame().ConversableAgent(
            "own", llm_config=_frame().LLMConfig(entry), human_input_mode="NEVER"
        )
        agent.register_model_client(OwnModel)
        return agent

    runtime = from_autogen(made)
    assert (await go(runtime, "speak")).output == "my own words"
    await runtime.aclose()


async def test_a_person_in_the_circle_is_asked(server: ScriptedModel) -> None:
    asked: list[str] = []

    async def answer(question: Question) -> str:
        asked.append(question.prompt)
        return "my answer"

    team = from_autogen(lambda: _circle(server, _person(), rounds=5))
    result = await go(team, "teach me", on_question=answer)
    assert len(asked) == 1
    assert "my answer" in json.dumps(result.state)
    await team.aclose()


async def test_a_person_in_the_circle_may_answer_later() -> None:
    async with ScriptedModel(_counting) as server:
        team = from_autogen(lambda: _circle(server, _person(), rounds=5))
        first = await go(team, "teach me")
        assert len(first.pending) == 1
        assert len(server.requests) == 2
        state, answers = json.loads(json.dumps(first.state)), {first.pending[0].id: "my answer"}
        result = await go(team, None, state=state, answers=answers)
        assert result.pending == ()
        assert "my answer" in json.dumps(result.state)
        assert len(server.requests) == 3
        await team.aclose()


async def test_members_of_a_team_have_the_tools_of_the_run(watcher: Watcher) -> None:
    def reply(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str | ToolCalls:
        assert [one["function"]["name"] for one in tools] == ["look_up"]
        if messages[-1]["role"] == "tool":
            return f"found {messages[-1]['content']}"
        return ToolCalls(("look_up", {"word": "sea"}))

    def look_up(word: str) -> str:
        """Look a word up."""
        return word.upper()

    async with ScriptedModel(reply) as server:
        team = from_autogen(lambda: _circle(server, rounds=2))
        result = await go(team, "go", watcher, tools=[look_up])
        assert result.output == "found SEA"
        calls = [one for one in watcher.events if one.kind == "tool_call"]
        assert [one.agent for one in calls] == ["student"]
        await team.aclose()


async def test_their_own_tools_are_called_with_the_context(watcher: Watcher) -> None:
    seen: list[str] = []

    def own(word: str) -> str:
        seen.append(word)
        return word[::-1]

    def made(server: ScriptedModel) -> Any:
        helper, worker = autogen_agent(server, "helper"), autogen_agent(server, "worker")
        _frame().register_function(own, caller=worker, executor=helper, description="Turn a word")
        return helper, worker

    async with ScriptedModel() as server:
        team = from_autogen(lambda: made(server), max_turns=2)
        await go(team, '[[call own {"word": "abc"}]][[say done]]', watcher)
        assert seen == ["abc"]
        assert watcher.of("tool_result")[0]["result"] == "cba"
        await team.aclose()


async def test_an_agent_that_is_no_factory_serves_one_run_after_another(
    server: ScriptedModel,
) -> None:
    runtime = from_autogen(autogen_agent(server, "lonely"))
    results = await asyncio.gather(*(go(runtime, f"[[say r{at}]]") for at in range(5)))
    assert [result.output for result in results] == [f"r{at}" for at in range(5)]
    await runtime.aclose()


@pytest.mark.parametrize("of_its_own", [False, True], ids=["the managers", "its own"])
async def test_a_model_that_selects_the_speaker_is_counted_and_recorded(
    watcher: Watcher, of_its_own: bool
) -> None:
    def reply(messages: list[dict[str, Any]], _tools: Any) -> str:
        text = json.dumps(messages)
        return "teacher" if "Read the above conversation" in text or "role" in text[:40] else "x"

    log = Log()

    def made(server: ScriptedModel) -> Any:
        agents = [autogen_agent(server, name) for name in ("student", "teacher")]
        config = agents[0].llm_config
        own = {"select_speaker_auto_llm_config": config} if of_its_own else {}
        group = _frame().GroupChat(agents, [], max_round=3, **own)
        return _frame().GroupChatManager(group, llm_config=False if of_its_own else config)

    message = AgentMessage(message_type="request", content="x", from_agent="b", to_agent="a")
    async with ScriptedModel(reply) as server:
        team = from_autogen(lambda: made(server))
        activity: Any = Activity("a", message, "t1")
        activity.run = log
        with acting(activity):
            first = await go(team, "go", watcher)
        assert watcher.text == "x" * len(watcher.of("message"))  # and nothing of the selection
        assert first.usage.requests == len(server.requests) == len(log.journal.models)
        log.again()
        asked = len(server.requests)
        with acting(activity):
            second = await go(team, "go")
        assert (second.output, second.usage.requests) == (first.output, 0)
        assert len(server.requests) == asked
        await team.aclose()


async def test_cancelling_a_team_reaches_the_server(watcher: Watcher) -> None:
    async with ScriptedModel() as server:

        def slow() -> Any:
            agents = [
                autogen_agent(server, name, "hubbub-scripted-slow") for name in ("one", "two")
            ]
            return _frame().GroupChat(
                agents, [], max_round=4, speaker_selection_method="round_robin"
            )

        team = from_autogen(slow)
        context = RunContext(on_event=watcher)
        running = asyncio.create_task(team.run("[[say well]]", context))
        await watcher.seen("text", 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(server.client_gone(), 5)
        assert context.partial is not None
        await team.aclose()
