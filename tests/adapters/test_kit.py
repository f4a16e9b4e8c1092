"""What every way of thinking must do: our own loop, and each framework behind the interface."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from typing import Any

import pytest

from hubbub.errors import LimitReached
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.journal import Journal
from hubbub.runtimes.calls import ask_person
from hubbub.runtimes.errors import BadModelAnswer, ModelError
from hubbub.runtimes.hosting import execute, iterate
from hubbub.runtimes.mesh_tools import MESH_TOOLS, mesh_tools
from hubbub.runtimes.neutral import Question, RunContext, current_run
from hubbub.runtimes.scripted import ScriptedModel, ToolCalls
from hubbub.wire.envelope import AgentMessage
from runtimes.kit import TOOLS, TRACE, Watcher, explode

from .kit import Making, go

ASK = '[[call ask_person {"question": "Which colour?"}]]'


# What it says


async def test_answers_with_the_models_text(make: Making) -> None:
    assert (await go(make(), "[[say one two three]]")).output == "one two three"


async def test_streams_the_text_in_deltas(make: Making, watcher: Watcher) -> None:
    await go(make(), "[[say one two three]]", watcher)
    assert watcher.text == "one two three"
    assert watcher.kinds.count("text") == 3


async def test_tells_the_message_and_who_said_it(make: Making, watcher: Watcher) -> None:
    await go(make(), "[[say hello]]", watcher)
    (message,) = [event for event in watcher.events if event.kind == "message"]
    assert (message.agent, message.data["content"]) == ("a", "hello")


async def test_ends_with_usage_and_one_final_event(make: Making, watcher: Watcher) -> None:
    result = await go(make(), "[[say hello]]", watcher)
    assert watcher.kinds[-2:] == ["usage", "final"]
    used = result.usage
    assert (used.requests, used.input_tokens, used.output_tokens) == (1, 11, 5)


async def test_thoughts_are_kept_out_of_the_answer(make: Making, watcher: Watcher) -> None:
    result = await go(make("-think"), "[[say clear]]", watcher)
    assert result.output == "clear"
    assert watcher.text == "clear"


async def test_keeps_unicode(make: Making, watcher: Watcher) -> None:
    seen: list[str] = []

    def note(text: str) -> str:
        """Note a text."""
        seen.append(text)
        return text

    task = '[[call note {"text": "Grüße 🌍 ñ"}]][[say déjà vu 日本]]'
    assert (await go(make(), task, watcher, tools=[note])).output == "déjà vu 日本"
    assert seen == ["Grüße 🌍 ñ"]
    assert watcher.of("tool_result")[0]["result"] == "Grüße 🌍 ñ"


async def test_iterating_yields_every_event(make: Making) -> None:
    kinds = [event.kind async for event in iterate(make(), "[[say one two]]", RunContext())]
    assert kinds == ["text", "text", "message", "usage", "final"]


# Tools


async def test_calls_a_tool_and_answers_with_its_result(make: Making, watcher: Watcher) -> None:
    result = await go(make(), '[[call get_weather {"city": "Paris"}]]', watcher, tools=TOOLS)
    assert '"city":"Paris"' in result.output
    (call,), (told,) = watcher.of("tool_call"), watcher.of("tool_result")
    assert (call["name"], call["arguments"]) == ("get_weather", {"city": "Paris"})
    assert (told["id"], told["failed"]) == (call["id"], False)
    assert watcher.kinds.index("tool_call") < watcher.kinds.index("tool_result")


async def test_makes_parallel_calls_at_the_same_time(make: Making) -> None:
    both = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        """Wait for the other call."""
        await both.wait()
        return f"{name} met"

    task = '[[par]][[call meet {"name": "a"}]][[call meet {"name": "b"}]]'
    result = await go(make(), task, tools=[meet])
    assert "a met" in result.output
    assert "b met" in result.output


async def test_makes_several_calls_one_after_another(make: Making) -> None:
    task = '[[call list_agents]][[call get_weather {"city": "Rome"}]][[say done]]'
    result = await go(make(), task, tools=TOOLS)
    assert (result.output, result.usage.requests) == ("done", 3)


async def test_a_tool_that_raises_is_told_to_the_model(make: Making, watcher: Watcher) -> None:
    result = await go(make(), "[[call explode]]", watcher, tools=[explode])
    assert "RuntimeError: it went up in smoke" in result.output
    assert watcher.of("tool_result")[0]["failed"] is True


async def test_broken_arguments_never_reach_the_tool(make: Making) -> None:
    called: list[str] = []

    def record(city: str) -> str:
        """Note the call."""
        called.append(city)
        return city

    task = '[[call record {"city": "Paris"}]][[say went on]]'
    assert (await go(make("-badjson"), task, tools=[record])).output == "went on"
    assert called == []


async def test_wrong_arguments_are_told_to_the_model(make: Making) -> None:
    result = await go(make(), '[[call get_weather {"town": "Paris"}]]', tools=TOOLS)
    assert "city" in result.output


async def test_an_unknown_tool_does_not_end_the_run(make: Making) -> None:
    assert (await go(make(), "[[call teleport]][[say well]]", tools=TOOLS)).output == "well"


async def test_tools_see_the_run_and_the_callers_context_variables(make: Making) -> None:
    seen: list[tuple[object, str]] = []

    async def asynchronous() -> str:
        """Look around."""
        seen.append((current_run(), TRACE.get()))
        return "seen"

    def synchronous() -> str:
        """Look around in a thread."""
        seen.append((current_run(), TRACE.get()))
        return "seen"

    TRACE.set("mine")
    ctx = RunContext(tools=[asynchronous, synchronous])
    await execute(make(), "[[par]][[call asynchronous]][[call synchronous]]", ctx)
    assert seen == [(ctx, "mine")] * 2


async def test_sync_tools_leave_the_event_loop_free(make: Making) -> None:
    free = threading.Event()

    def block() -> str:
        """Wait until the event loop has done something."""
        return "free" if free.wait(5) else "blocked"

    async def unblock() -> str:
        """Do something on the event loop."""
        free.set()
        return "done"

    result = await go(make(), "[[par]][[call block]][[call unblock]]", tools=[block, unblock])
    assert "free" in result.output


async def test_mesh_tools_can_be_called(make: Making) -> None:
    class Speaker:
        agent = "me"
        id = "t1"
        sent: list[tuple[str, str]] = []  # noqa: RUF012

        async def request_from_agent(self, to_agent: str, content: str) -> Any:
            self.sent.append((to_agent, content))
            return AgentMessage(
                message_type="response", content="it rains", from_agent=to_agent, to_agent="me"
            )

        async def list_agents(self, _capability: str | None) -> list[Any]:
            return []

    speaker: Any = Speaker()
    tools = mesh_tools(speaker)
    assert len(tools) == len(MESH_TOOLS)
    task = '[[call list_agents]][[call request_from_agent {"to_agent": "Bo", "content": "Rain?"}]]'
    result = await go(make(), task, tools=tools)
    assert "it rains" in result.output
    assert speaker.sent == [("Bo", "Rain?")]


# Questions


async def test_a_question_is_answered_inline(make: Making, watcher: Watcher) -> None:
    async def person(question: Question) -> str:
        return f"blue, since you ask {question.prompt}"

    result = await go(make(), ASK, watcher, tools=[ask_person], on_question=person)
    assert "blue, since you ask Which colour?" in result.output
    assert watcher.of("question")[0]["prompt"] == "Which colour?"


async def test_a_question_parks_the_run_and_an_answer_resumes_it(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    first = await go(make(), ASK, watcher, tools=[ask_person])
    assert [question.prompt for question in first.pending] == ["Which colour?"]
    assert watcher.kinds[-1] == "suspended"
    state = json.loads(json.dumps(first.state))
    answers = {first.pending[0].id: "green"}
    result = await go(make(), None, tools=[ask_person], state=state, answers=answers)
    assert "green" in result.output
    assert result.pending == ()
    assert len(server.requests) == 2


async def test_resuming_repeats_neither_tools_nor_events(make: Making, watcher: Watcher) -> None:
    calls: list[str] = []

    def count() -> str:
        """Count."""
        calls.append("counted")
        return "counted"

    tools = [count, ask_person]
    first = await go(make(), f"[[call count]]{ASK}[[say thanks]]", tools=tools)
    answers = {first.pending[0].id: "red"}
    state = json.loads(json.dumps(first.state))
    result = await go(make(), None, watcher, tools=tools, state=state, answers=answers)
    assert result.output == "thanks"
    assert calls == ["counted"]
    assert "count" not in [call["name"] for call in watcher.of("tool_call")]


async def test_two_questions_at_once_are_both_pending(make: Making) -> None:
    ask = ASK.replace("colour", "size")
    first = await go(make(), f"[[par]]{ASK}{ask}", tools=[ask_person])
    assert {question.prompt for question in first.pending} == {"Which colour?", "Which size?"}
    answers = {one.id: one.prompt.split()[1][:-1] + "!" for one in first.pending}
    result = await go(make(), None, tools=[ask_person], state=first.state, answers=answers)
    assert "colour!" in result.output
    assert "size!" in result.output


async def test_a_call_that_needs_approval_waits_for_it(make: Making, watcher: Watcher) -> None:
    runtime = make(approve=["get_weather"])
    task = '[[call get_weather {"city": "Paris"}]]'

    async def yes(question: Question) -> Any:
        assert (question.kind, question.tool) == ("approval", "get_weather")
        return {"decision": "approve", "arguments": {"city": "Oslo"}}

    result = await go(runtime, task, watcher, tools=TOOLS, on_question=yes)
    assert "Oslo" in result.output


async def test_a_refused_call_is_not_made(make: Making) -> None:
    async def no(_question: Question) -> Any:
        return {"decision": "reject", "comment": "too far"}

    task = '[[call get_weather {"city": "Paris"}]]'
    result = await go(make(approve=["get_weather"]), task, tools=TOOLS, on_question=no)
    assert "too far" in result.output
    assert "sunny" not in result.output


# State


async def test_goes_on_from_a_state_after_a_json_round_trip(
    make: Making, server: ScriptedModel
) -> None:
    first = await go(make(), '[[call get_weather {"city": "Oslo"}]]', tools=TOOLS)
    state = json.loads(json.dumps(first.state))
    second = await go(make(), "[[say again]]", tools=TOOLS, state=state)
    assert second.output == "again"
    roles = [one["role"] for one in server.requests[-1]["messages"] if one["role"] != "system"]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


async def test_twenty_runs_at_once_do_not_mix(make: Making) -> None:
    runtime = make()
    tasks = [f'[[call get_weather {{"city": "C{at}"}}]][[say r{at}]]' for at in range(20)]
    results = await asyncio.gather(*(go(runtime, task, tools=TOOLS) for task in tasks))
    assert [result.output for result in results] == [f"r{at}" for at in range(20)]
    assert all(result.usage.requests == 2 for result in results)


async def test_neither_task_nor_state_is_refused(make: Making) -> None:
    with pytest.raises(ValueError, match="needs a task"):
        await go(make(), None)


# Cancelling


async def test_cancelling_reaches_the_server(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    ctx = RunContext(on_event=watcher)
    running = asyncio.create_task(execute(make("-slow"), "[[say well]]", ctx))
    await watcher.seen("text", 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(server.client_gone(), 5)
    assert watcher.kinds[-1] == "cancelled"


async def test_cancelling_reaches_a_tool_and_leaves_a_state_to_go_on_with(
    make: Making, watcher: Watcher
) -> None:
    begun, ended, waits = asyncio.Event(), asyncio.Event(), True

    async def wait() -> str:
        """Wait for ever, the first time."""
        begun.set()
        try:
            await asyncio.Event().wait() if waits else None
        finally:
            ended.set()
        return "waited"

    ctx = RunContext(on_event=watcher, tools=[wait])
    running = asyncio.create_task(execute(make(), "[[call wait]][[say through]]", ctx))
    await asyncio.wait_for(begun.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    waits = False
    state = json.loads(json.dumps(ctx.partial))
    assert (await go(make(), None, tools=[wait], state=state)).output == "through"
    assert (await go(make(), "[[say anew]]", tools=[wait], state=state)).output == "anew"


# Limits


async def test_the_request_limit_refuses_the_next_call(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    with pytest.raises(LimitReached) as caught:
        await go(make("-loop"), "hi", watcher, tools=TOOLS, limits=Limits(requests=4))
    assert (caught.value.limit, caught.value.allowed) == ("requests", 4)
    assert len(server.requests) == 4
    assert watcher.kinds[-1] == "error"


async def test_the_token_limit_refuses_the_next_call(make: Making, server: ScriptedModel) -> None:
    with pytest.raises(LimitReached) as caught:
        await go(make("-loop"), "hi", tools=TOOLS, limits=Limits(tokens=40))
    assert caught.value.limit == "tokens"
    assert len(server.requests) == 3


async def test_the_time_limit_ends_a_call_in_progress(make: Making, server: ScriptedModel) -> None:
    await go(make(), "[[say that everything is loaded]]")
    with pytest.raises(LimitReached) as caught:
        await go(make("-silent"), "hi", limits=Limits(seconds=1.5))
    assert caught.value.limit == "seconds"
    await asyncio.wait_for(server.client_gone(), 5)


async def test_its_own_limits_apply_without_others(make: Making) -> None:
    with pytest.raises(LimitReached):
        await go(make("-loop", limits=Limits(requests=1)), "hi", tools=TOOLS, limits=None)


# Servers


@pytest.mark.parametrize("quirk", ["-429", "-flaky"])
async def test_a_server_that_fails_for_a_moment_is_asked_again(make: Making, quirk: str) -> None:
    assert (await go(make(quirk), "[[say at last]]")).output == "at last"


async def test_a_broken_stream_is_an_error_of_ours(make: Making) -> None:
    with pytest.raises(ModelError):
        await go(make("-drop"), "[[say one two three four]]")


async def test_no_server_is_an_error_of_ours(make: Making) -> None:
    async with ScriptedModel() as gone:
        runtime = make(server=gone)
    with pytest.raises(ModelError):
        await go(runtime, "[[say x]]")


async def test_an_answer_cut_off_at_the_token_limit_is_an_error(make: Making) -> None:
    with pytest.raises(BadModelAnswer, match="raise max_tokens"):
        await go(make("-length"), "[[say half of it]]")


async def test_answers_that_stay_empty_are_an_error(make: Making) -> None:
    with pytest.raises(BadModelAnswer):
        await go(make("-empty"), "hi")


@pytest.mark.parametrize("quirk", ["-tooltext", "-noindex-repname", "-dictargs", "-notools"])
async def test_calls_of_peculiar_servers_are_understood(make: Making, quirk: str) -> None:
    task = '[[call get_weather {"city": "Paris"}]]'
    assert "sunny" in (await go(make(quirk), task, tools=TOOLS)).output


# Calls on record


class Log:
    """The log of a task, as far as recorded calls are concerned."""

    is_kept = True

    def __init__(self) -> None:
        self.journal = Journal()

    async def once_by_content(self, kind: str, content: bytes, make: Any) -> Any:
        return await self.journal.once_by_content(kind, content, make)

    def again(self) -> None:
        self.journal = Journal.of(json.loads(json.dumps(self.journal.saved())))


def _activity(log: Log) -> Activity:
    message = AgentMessage(message_type="request", content="x", from_agent="b", to_agent="a")
    activity: Any = Activity("a", message, "t1")
    activity.run = log
    return activity


async def test_recorded_calls_are_played_without_the_server(
    make: Making, server: ScriptedModel, watcher: Watcher
) -> None:
    log, task = Log(), '[[call get_weather {"city": "Rome"}]][[say done now]]'
    with acting(_activity(log)):
        first = await go(make(), task, tools=TOOLS)
    assert [facts["usage"]["requests"] for facts in log.journal.models.values()] == [1, 1]
    log.again()
    with acting(_activity(log)):
        second = await go(make(), task, watcher, tools=TOOLS, limits=Limits(requests=0))
    assert second.output == first.output == "done now"
    assert (second.usage.requests, second.usage.tokens) == (0, 0)
    assert watcher.text == "done now"
    assert len(server.requests) == 2


async def test_a_recorded_stream_takes_little_more_than_its_text(make: Making) -> None:
    log, words = Log(), "word " * 300
    with acting(_activity(log)):
        first = await go(make(), f"[[say {words}]]")
    (facts,) = log.journal.models.values()
    assert len(facts["body"]) < len(words) + 2_000
    log.again()
    with acting(_activity(log)):
        assert (await go(make(), f"[[say {words}]]")).output == first.output


async def test_an_answer_that_broke_off_is_not_recorded(make: Making) -> None:
    log = Log()
    with acting(_activity(log)), pytest.raises(ModelError):
        await go(make("-drop"), "[[say one two three four]]")
    assert log.journal.models == {}


async def test_equal_calls_are_recorded_one_by_one() -> None:
    """Two runs of one task that ask the same get an answer each."""
    counted = iter(range(10))

    def reply(_messages: Any, _tools: Any) -> str | ToolCalls:
        return f"number {next(counted)}"

    from .kit import BUILDERS

    log = Log()
    async with ScriptedModel(reply) as server:
        loop = BUILDERS["loop"](server, "hubbub-scripted")
        for _ in range(2):
            with acting(_activity(log)):
                said = [(await go(loop, "hi")).output for _ in range(2)]
            assert said == ["number 0", "number 1"]
            log.again()
        await loop.model.aclose()


async def test_contexts_are_copied_not_shared(make: Making) -> None:
    """A variable set by one run's tool is not seen by the caller."""
    variable = contextvars.ContextVar("variable", default="outside")

    async def change() -> str:
        """Change a variable."""
        variable.set("inside")
        return "changed"

    await go(make(), "[[call change]]", tools=[change])
    assert variable.get() == "outside"
