"""The OODA loop: what it costs, when it goes on, how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Limits
from hubbub.runtimes.errors import ModelUnreachable
from hubbub.runtimes.hosting import execute
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.ooda import OODA
from hubbub.runtimes.scripted import ScriptedModel

from .kit import TOOLS, Making, Watcher, loops

TWO_CALLS = '[[call list_agents]][[call get_weather {"city": "Rome"}]][[say both done]]'


def phases(watcher: Watcher) -> list[str]:
    return [data["phase"] for data in watcher.of("custom") if "phase" in data]


def decides(decisions: list[Any]) -> Any:
    """Return a reply function that acts in plain text and decides as told, in order."""

    def reply(messages: list[dict[str, Any]], _tools: list[dict[str, Any]]) -> str:
        if "You watch over work" in str(messages[0]["content"]):
            decision = decisions.pop(0)
            return decision if isinstance(decision, str) else json.dumps(decision)
        rounds = sum(message["role"] == "user" for message in messages)
        return f"answer {rounds}"

    return reply


class Busy:
    """An actor whose acts never speak for themselves: each calls two tools."""

    def __init__(self, actor: ToolLoop) -> None:
        self._actor = actor
        self.name = actor.name

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        for number in ("1", "2"):
            await ctx.emit("tool_call", self.name, id=number, name="work", arguments={})
        return await self._actor.run(task, ctx)


async def test_a_plain_task_costs_what_the_tool_loop_costs(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    result = await execute(OODA(make()), "[[say hello]]", RunContext(on_event=watcher))
    assert result.output == "hello"
    assert len(server.requests) == 1
    assert phases(watcher) == ["observe", "orient", "decide", "act", "observe", "orient", "decide"]


async def test_one_good_tool_call_needs_no_decision(make: Making, server: ScriptedModel) -> None:
    task = '[[call get_weather {"city": "Rome"}]]'
    result = await execute(OODA(make(tools=TOOLS)), task, RunContext())
    assert "Rome" in result.output
    assert len(server.requests) == 2


async def test_work_with_several_calls_is_decided_about_once(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    ctx = RunContext(on_event=watcher)
    result = await execute(OODA(make(tools=TOOLS)), TWO_CALLS, ctx)
    assert result.output == "both done"
    assert len(server.requests) == 4
    assert watcher.of("custom")[-1]["asked"] is True
    assert result.usage.requests == 4


async def test_goes_on_as_long_as_the_decision_says_so(watcher: Watcher) -> None:
    more = {"orient": "half done", "status": "continue", "next": "do the rest"}
    done = {"orient": "all done", "status": "done", "next": ""}
    async with ScriptedModel(decides([more, done])) as server, loops(server) as make:
        actor = make()
        decider = OODA(actor).decider
        loop = OODA(Busy(actor), decider=decider)
        result = await execute(loop, "work", RunContext(on_event=watcher))
    assert result.output == "answer 2"
    acts = [data["instruction"] for data in watcher.of("custom") if data.get("phase") == "act"]
    assert acts == ["work", "do the rest"]
    situations = [data["situation"] for data in watcher.of("custom") if "situation" in data]
    assert situations == ["A new task for agent.", "half done", "all done"]


async def test_blocked_work_says_what_is_missing() -> None:
    blocked = {"orient": "stuck", "status": "blocked", "next": "the password"}
    async with ScriptedModel(decides([blocked])) as server, loops(server) as make:
        actor = make()
        loop = OODA(Busy(actor), decider=OODA(actor).decider)
        assert (await execute(loop, "work", RunContext())).output == "Blocked: the password"


@pytest.mark.parametrize("decision", ["I think it is fine.", '{"status": 3}', "{}"])
async def test_a_decision_in_plain_text_means_done(decision: str) -> None:
    async with ScriptedModel(decides([decision])) as server, loops(server) as make:
        actor = make()
        loop = OODA(Busy(actor), decider=OODA(actor).decider)
        assert (await execute(loop, "work", RunContext())).output == "answer 1"


async def test_rounds_are_bounded() -> None:
    more = {"orient": "never done", "status": "continue", "next": "more"}
    async with ScriptedModel(decides([more] * 9)) as server, loops(server) as make:
        actor = make()
        loop = OODA(Busy(actor), decider=OODA(actor).decider, max_rounds=3)
        assert (await execute(loop, "work", RunContext())).output == "answer 3"


async def test_limits_end_the_loop_with_the_answer_there_is() -> None:
    more = {"orient": "never done", "status": "continue", "next": "more"}
    async with ScriptedModel(decides([more] * 9)) as server, loops(server) as make:
        actor = make()
        loop = OODA(Busy(actor), decider=OODA(actor).decider)
        ctx = RunContext(limits=Limits(requests=3))
        assert (await execute(loop, "work", ctx)).output == "answer 2"
        assert len(server.requests) == 3


async def test_limits_without_any_answer_are_an_error(make: Making) -> None:
    loop = OODA(make("-loop", tools=TOOLS), limits=Limits(requests=2))
    with pytest.raises(LimitReached):
        await execute(loop, "hi", RunContext())


async def test_news_between_two_acts_is_taken_into_account(watcher: Watcher) -> None:
    news = [["it rains now"]]

    async def observe() -> Sequence[str]:
        return news.pop() if news else []

    async with ScriptedModel(decides([])) as server, loops(server) as make:
        loop = OODA(make(), observe=observe)
        result = await execute(loop, "work", RunContext(on_event=watcher))
        assert "it rains now" in server.requests[-1]["messages"][-1]["content"]
    assert result.output == "answer 2"


async def test_thoughts_are_kept_out_of_answers_and_decisions(make: Making) -> None:
    result = await execute(OODA(make("-think", tools=TOOLS)), TWO_CALLS, RunContext())
    assert result.output == "both done"


async def test_a_cancelled_loop_goes_on_where_the_actor_was(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    ctx = RunContext(on_event=watcher)
    running = asyncio.create_task(execute(OODA(make("-slow")), "[[say well]]", ctx))
    await watcher.seen("text")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    state = json.loads(json.dumps(ctx.partial))
    assert state["stage"] == "act"
    result = await execute(OODA(make()), None, RunContext(state=state))
    assert result.output == "well"
    users = [one for one in server.requests[-1]["messages"] if one["role"] == "user"]
    assert len(users) == 1


async def test_a_next_task_remembers_the_conversation(make: Making, server: ScriptedModel) -> None:
    loop = OODA(make())
    first = await execute(loop, "[[say one]]", RunContext())
    second = await execute(loop, "[[say two]]", RunContext(state=first.state))
    assert second.output == "two"
    assert len(server.requests[-1]["messages"]) == 3


async def test_an_actor_of_another_kind_acts_once_without_a_decider() -> None:
    class Parrot:
        name = "parrot"

        async def run(self, task: str | None, ctx: RunContext) -> RunResult:
            return RunResult(f"{task}!")

    result = await execute(OODA(Parrot()), "hello", RunContext())
    assert result.output == "hello!"


async def test_an_unreachable_model_is_an_error_of_the_loop(unused_port: int) -> None:
    client = ModelClient(base_url=f"http://127.0.0.1:{unused_port}/v1", model="x", attempts=1)
    async with client:
        with pytest.raises(ModelUnreachable):
            await execute(OODA(ToolLoop(client)), "hi", RunContext())
