"""The conformance kit of the tool loop, against the scripted server over real HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Limits
from hubbub.runtimes.errors import BadModelAnswer
from hubbub.runtimes.hosting import execute, iterate
from hubbub.runtimes.neutral import RunContext, current_run
from hubbub.runtimes.scripted import ScriptedModel, ToolCalls

from .kit import TOOLS, TRACE, Making, Watcher, explode, loops, run


async def test_answers_with_the_models_text(make: Making) -> None:
    assert (await run(make(), "[[say one two three]]")).output == "one two three"


async def test_streams_the_text_in_deltas(make: Making, watcher: Watcher) -> None:
    await run(make(), "[[say one two three]]", watcher)
    assert watcher.text == "one two three"
    assert watcher.kinds.count("text") == 3


async def test_ends_with_usage_and_one_final_event(make: Making, watcher: Watcher) -> None:
    result = await run(make(), "[[say hello]]", watcher)
    assert watcher.kinds[-2:] == ["usage", "final"]
    assert watcher.of("final") == [{"output": "hello"}]
    assert (result.usage.requests, result.usage.input_tokens, result.usage.output_tokens) == (
        1,
        11,
        5,
    )


async def test_sends_the_instructions_as_system_prompt(make: Making, server: ScriptedModel) -> None:
    await run(make(instructions="Be brief."), "[[say x]]")
    assert server.requests[0]["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_calls_a_tool_and_answers_with_its_result(make: Making, watcher: Watcher) -> None:
    result = await run(make(tools=TOOLS), '[[call get_weather {"city": "Paris"}]]', watcher)
    assert '"city":"Paris"' in result.output
    assert watcher.of("tool_call")[0]["arguments"] == {"city": "Paris"}
    assert watcher.of("tool_result")[0]["failed"] is False
    assert watcher.kinds.index("tool_call") < watcher.kinds.index("tool_result")


async def test_takes_tools_from_the_context(make: Making) -> None:
    result = await run(make(), "[[call list_agents]]", tools=TOOLS)
    assert result.output == 'ok: ["alice","bob"]'


async def test_makes_several_calls_one_after_another(make: Making, server: ScriptedModel) -> None:
    task = '[[call list_agents]][[call get_weather {"city": "Rome"}]]'
    result = await run(make(tools=TOOLS), task)
    assert "alice" in result.output
    assert "Rome" in result.output
    assert result.usage.requests == 3


async def test_makes_parallel_calls_at_the_same_time(make: Making) -> None:
    both = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        """Wait for the other call."""
        await both.wait()
        return f"{name} met"

    task = '[[par]][[call meet {"name": "a"}]][[call meet {"name": "b"}]]'
    result = await run(make(tools=[meet]), task)
    assert result.output == "ok: a met | b met"
    assert result.usage.requests == 2


async def test_tools_see_the_run_and_the_callers_context_variables(make: Making) -> None:
    seen: list[tuple[object, str]] = []

    async def asynchronous() -> None:
        """Look around."""
        seen.append((current_run(), TRACE.get()))

    def synchronous() -> None:
        """Look around in a thread."""
        seen.append((current_run(), TRACE.get()))

    TRACE.set("mine")
    ctx = RunContext(tools=[asynchronous, synchronous])
    await execute(make(), "[[par]][[call asynchronous]][[call synchronous]]", ctx)
    assert seen == [(ctx, "mine")] * 2


async def test_sync_tools_leave_the_event_loop_free(make: Making) -> None:
    main = threading.get_ident()
    free, where = threading.Event(), list[int]()

    def block() -> str:
        """Wait until the event loop has done something."""
        where.append(threading.get_ident())
        return "free" if free.wait(5) else "blocked"

    async def unblock() -> None:
        """Do something on the event loop."""
        free.set()

    result = await run(make(tools=[block, unblock]), "[[par]][[call block]][[call unblock]]")
    assert result.output.startswith("ok: free")
    assert where != [main]


async def test_a_tool_that_raises_is_told_to_the_model(make: Making, watcher: Watcher) -> None:
    result = await run(make(tools=[explode]), "[[call explode]]", watcher)
    assert result.output == "ok: explode failed: RuntimeError: it went up in smoke"
    assert watcher.of("tool_result")[0]["failed"] is True


async def test_broken_arguments_never_reach_the_tool(make: Making) -> None:
    called: list[str] = []

    def record(city: str) -> str:
        """Note the call."""
        called.append(city)
        return city

    result = await run(make("-badjson", tools=[record]), '[[call record {"city": "Paris"}]]')
    assert "not valid JSON" in result.output
    assert called == []


async def test_wrong_arguments_are_told_to_the_model(make: Making) -> None:
    result = await run(make(tools=TOOLS), '[[call get_weather {"town": "Paris"}]]')
    assert "Invalid arguments: city: Missing" in result.output


async def test_an_unknown_tool_is_answered_with_the_names(make: Making) -> None:
    result = await run(make(tools=TOOLS[:2]), "[[call teleport]]")
    assert result.output == "ok: No tool 'teleport'. The tools are: get_weather, list_agents."


async def test_a_tool_reports_a_handoff(make: Making, watcher: Watcher) -> None:
    task = '[[call handoff_to_agent {"to_agent": "bob", "content": "do it"}]]'
    await run(make(tools=TOOLS), task, watcher)
    assert watcher.of("handoff") == [{"to": "bob", "content": "do it"}]


async def test_goes_on_from_a_state_after_a_json_round_trip(
    make: Making, server: ScriptedModel
) -> None:
    loop = make(tools=TOOLS)
    first = await run(loop, '[[call get_weather {"city": "Oslo"}]]')
    second = await run(loop, "[[say again]]", state=json.loads(json.dumps(first.state)))
    assert second.output == "again"
    roles = [message["role"] for message in server.requests[-1]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


async def test_cancelling_ends_the_run_and_reaches_the_server(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    ctx = RunContext(on_event=watcher)
    task = asyncio.create_task(execute(make("-slow"), "[[say well]]", ctx))
    await watcher.seen("text", 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.client_gone(), 5)
    assert server.disconnects == 1
    assert watcher.kinds[-1] == "cancelled"


async def test_cancelling_leaves_a_conversation_that_goes_on(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    async def wait() -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    ctx = RunContext(on_event=watcher, tools=[wait, *TOOLS])
    task = '[[par]][[call wait]][[call get_weather {"city": "Oslo"}]]'
    running = asyncio.create_task(execute(make(), task, ctx))
    await watcher.seen("tool_result")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    results = {one["content"] for one in ctx.partial["messages"] if one["role"] == "tool"}
    assert len(results) == 2
    assert "cancelled" in results
    result = await run(make(), "[[say later]]", state=json.loads(json.dumps(ctx.partial)))
    assert result.output == "later"


async def test_a_partial_answer_is_kept_when_cancelled(make: Making, watcher: Watcher) -> None:
    ctx = RunContext(on_event=watcher)
    running = asyncio.create_task(execute(make("-slow"), "[[say well]]", ctx))
    await watcher.seen("text", 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ctx.partial["messages"][-1]["role"] == "assistant"
    assert ctx.partial["messages"][-1]["content"].startswith("well word0")


async def test_the_request_limit_refuses_the_next_call(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    with pytest.raises(LimitReached) as caught:
        await run(make("-loop", tools=TOOLS), "hi", watcher, limits=Limits(requests=4))
    assert (caught.value.limit, caught.value.allowed) == ("requests", 4)
    assert len(server.requests) == 4
    assert watcher.kinds[-1] == "error"


async def test_the_token_limit_refuses_the_next_call(make: Making, server: ScriptedModel) -> None:
    with pytest.raises(LimitReached) as caught:
        await run(make("-loop", tools=TOOLS), "hi", limits=Limits(tokens=40))
    assert caught.value.limit == "tokens"
    assert len(server.requests) == 3


async def test_the_token_limit_holds_where_the_server_counts_nothing(make: Making) -> None:
    with pytest.raises(LimitReached) as caught:
        await run(make("-loop-nousage", tools=TOOLS), "hi", limits=Limits(tokens=100))
    assert caught.value.limit == "tokens"


async def test_the_time_limit_ends_a_call_in_progress(make: Making, server: ScriptedModel) -> None:
    await run(make(), "[[say that everything is loaded]]")
    with pytest.raises(LimitReached) as caught:
        await run(make("-silent"), "hi", limits=Limits(seconds=1.5))
    assert caught.value.limit == "seconds"
    await asyncio.wait_for(server.client_gone(), 5)


async def test_the_loops_own_limits_apply_without_others(make: Making) -> None:
    with pytest.raises(LimitReached):
        await run(make("-loop", tools=TOOLS, limits=Limits(requests=1)), "hi", limits=None)


async def test_twenty_runs_at_once_do_not_mix(make: Making) -> None:
    loop = make(tools=TOOLS)
    tasks = [f'[[call get_weather {{"city": "C{at}"}}]][[say r{at}]]' for at in range(20)]
    results = await asyncio.gather(*(run(loop, task) for task in tasks))
    assert [result.output for result in results] == [f"r{at}" for at in range(20)]
    assert all(result.usage.requests == 2 for result in results)


async def test_steering_is_read_between_steps(make: Making, server: ScriptedModel) -> None:
    news = [["[[say changed my mind]]"]]

    async def steering() -> Sequence[str]:
        return news.pop() if news and server.requests else []

    result = await run(make(tools=TOOLS), "[[call list_agents]]", steering=steering)
    assert result.output == "changed my mind"


async def test_steering_may_arrive_with_the_last_answer(
    make: Making, server: ScriptedModel
) -> None:
    news = [["[[say second]]"]]

    async def steering() -> Sequence[str]:
        return news.pop() if news and server.requests else []

    assert (await run(make(), "[[say first]]", steering=steering)).output == "second"


async def test_iterating_yields_every_event(make: Making) -> None:
    kinds = [event.kind async for event in iterate(make(), "[[say one two]]", RunContext())]
    assert kinds == ["text", "text", "message", "usage", "final"]


async def test_leaving_the_iteration_cancels_the_run(make: Making, server: ScriptedModel) -> None:
    events = iterate(make("-slow"), "[[say well]]", RunContext())
    async for event in events:
        if event.kind == "text":
            break
    await events.aclose()
    await asyncio.wait_for(server.client_gone(), 5)


async def test_a_failing_watcher_fails_the_run_with_its_own_error(make: Making) -> None:
    def refuse(_event: object) -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        await execute(make(), "[[say x]]", RunContext(on_event=refuse))


async def test_neither_task_nor_state_is_refused(make: Making) -> None:
    with pytest.raises(ValueError, match="needs a task"):
        await run(make(), None)


async def test_after_tools_none_asks_for_an_answer(make: Making, server: ScriptedModel) -> None:
    await run(make(tools=TOOLS, after_tools="none"), "[[call list_agents]]")
    assert [request.get("tool_choice") for request in server.requests] == [None, "none"]


async def test_an_answer_cut_off_at_the_token_limit_is_an_error(
    make: Making, watcher: Watcher
) -> None:
    with pytest.raises(BadModelAnswer, match="raise max_tokens"):
        await run(make("-length"), "[[say half of it]]", watcher)
    assert watcher.kinds[-1] == "error"


async def test_an_empty_answer_is_asked_for_once_more() -> None:
    def reply(messages: list[dict[str, Any]], _tools: list[dict[str, Any]]) -> str:
        return "" if len(messages) == 1 else "here I am"

    async with ScriptedModel(reply) as server, loops(server) as make:
        assert (await run(make(), "hi")).output == "here I am"


async def test_answers_that_stay_empty_are_an_error(make: Making) -> None:
    with pytest.raises(BadModelAnswer, match="empty answer twice"):
        await run(make("-empty"), "hi")


class Score(BaseModel):
    n: int
    s: str


async def test_the_server_enforces_the_shape_without_tools(
    make: Making, server: ScriptedModel
) -> None:
    result = await run(make(output_schema=Score), "rate it")
    assert result.output == {"n": 7, "s": "text"}
    assert server.requests[0]["response_format"]["type"] == "json_schema"


async def test_with_tools_the_shape_is_asked_for_and_then_enforced(
    make: Making, server: ScriptedModel
) -> None:
    loop = make(output_schema=Score.model_json_schema(), tools=TOOLS)
    result = await run(loop, "[[call list_agents]]")
    assert result.output == {"n": 7, "s": "text"}
    assert "response_format" not in server.requests[0]
    assert "tools" not in server.requests[-1]


async def test_a_shape_that_is_right_at_once_costs_no_further_call(make: Making) -> None:
    loop = make(output_schema=Score, tools=TOOLS)
    result = await run(loop, '[[say {"n": 1, "s": "fine"}]]')
    assert result.output == {"n": 1, "s": "fine"}
    assert result.usage.requests == 1


async def test_a_shape_the_model_never_finds_is_an_error() -> None:
    async with ScriptedModel(lambda _m, _t: '{"n": "many"}') as server, loops(server) as make:
        with pytest.raises(BadModelAnswer, match="lacks 's'"):
            await run(make(output_schema=Score.model_json_schema()), "rate it")
        assert len(server.requests) == 3


async def test_calls_with_ids_used_before_get_new_ones() -> None:
    def reply(messages: list[dict[str, Any]], _tools: list[dict[str, Any]]) -> str | ToolCalls:
        done = sum(message["role"] == "tool" for message in messages)
        return ToolCalls(("list_agents", {})) if done < 2 else "done"

    async with ScriptedModel(reply) as server, loops(server) as make:
        result = await run(make(tools=TOOLS), "go")
    ids = [one["tool_call_id"] for one in result.state["messages"] if one["role"] == "tool"]
    assert len(set(ids)) == 2
