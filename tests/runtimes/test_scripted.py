"""The scripted model: what it says of itself, and the conversation of the demo's three agents."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from typing import Any

import pytest
from openai import AsyncOpenAI

from hubbub.runtimes.scripted import MODEL, ScriptedModel, ToolCalls
from hubbub.runtimes.scripted.conversation import Conversation
from hubbub.runtimes.scripted.examples import example
from hubbub.runtimes.scripted.places import find_place
from hubbub.runtimes.scripted.rules import answer
from hubbub.runtimes.tools import Tool

from .kit import (
    TOOLS,
    get_weather,
    handoff_to_agent,
    list_agents,
    loops,
    request_from_agent,
    run,
)


async def send_direct_message(to_agent: str, content: str) -> str:
    """Send a message."""
    return "sent"


async def broadcast_message(content: str) -> str:
    """Tell everyone."""
    return "sent"


MESH = [
    Tool.of(tool).spec
    for tool in (
        list_agents,
        request_from_agent,
        send_direct_message,
        handoff_to_agent,
        broadcast_message,
    )
]
WEATHER = [Tool.of(get_weather).spec]
COORDINATOR = (
    "You are Task-Coordinator. You route work: weather questions to Weather-Bot, the rest to "
    "General-Assistant."
)
ASSISTANT = "You are General-Assistant. You help, and work with others such as Task-Coordinator."


def says(
    user: str,
    tools: list[Any],
    *,
    system: str = "You are helpful.",
    result: tuple[str, dict[str, Any], str] | None = None,
) -> Any:
    """Return the text or the (tool, arguments) the rules answer with."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": system},
        {"role": "user", "content": user},
    ]
    if result is not None:
        name, arguments, text = result
        function = {"name": name, "arguments": json.dumps(arguments)}
        messages += [
            {"role": "assistant", "tool_calls": [{"id": "1", "function": function}]},
            {"role": "tool", "tool_call_id": "1", "content": text},
        ]
    reply = answer(Conversation.read(messages, tools))
    if reply.calls:
        return reply.calls[0].name, json.loads(reply.calls[0].arguments)
    return reply.text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("What is the weather in Lisbon?", "Lisbon"),
        ("Will it rain in New York tomorrow?", "New York"),
        ("weather in paris please", "Paris"),
        ("How is the weather at São Paulo today", "São Paulo"),
        ("Plan a day in Rio de Janeiro for Anna", "Rio de Janeiro"),
        ("Lisbon weather", "Lisbon"),
        ("What is the weather in Lisbon? Do I need an umbrella?", "Lisbon"),
        ("Weather: Paris, London", "Paris"),
        ("Ask Weather-Bot about the temperature in Oslo.", "Oslo"),
        ("What is the weather for tomorrow in Zürich?", "Zürich"),
        ("Is it going to be sunny today?", None),
        ("What is the weather?", None),
    ],
)
def test_places_are_found(text: str, place: str | None) -> None:
    assert find_place(text) == place


def test_the_weather_bot_looks_up_and_reports() -> None:
    question = "Will it rain in Lisbon?"
    assert says(question, WEATHER) == ("get_weather", {"city": "Lisbon"})
    result = (
        "get_weather",
        {"city": "Lisbon"},
        '{"city": "Lisbon", "condition": "Sunny", "temperature": 22}',
    )
    assert says(question, WEATHER, result=result) == (
        "In Lisbon it is sunny at 22 °C. No umbrella is needed."
    )


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ("sunny, 22 °C", "In Lisbon it is sunny, 22 °C."),
        ("Lisbon: light rain, 15 °C", "In Lisbon it is light rain, 15 °C."),
        ("It is sunny in Lisbon", "It is sunny in Lisbon."),
        ('{"temp": "22°C", "summary": "Clear"}', "In Lisbon it is clear at 22°C."),
        ('{"wind": 3}', "The weather in Lisbon: wind 3."),
    ],
)
def test_results_of_any_shape_become_a_sentence(result: str, sentence: str) -> None:
    told = ("get_weather", {"city": "Lisbon"}, result)
    assert says("How is the weather in Lisbon?", WEATHER, result=told) == sentence


def test_without_a_place_the_weather_bot_asks_back() -> None:
    assert "which place" in says("What is the weather?", WEATHER)


def test_the_coordinator_asks_the_weather_bot() -> None:
    question = "What is the weather in Oslo?"
    assert says(question, MESH, system=COORDINATOR) == (
        "request_from_agent",
        {"to_agent": "Weather-Bot", "content": question},
    )
    told = ("request_from_agent", {"to_agent": "Weather-Bot"}, "In Oslo it is cloudy.")
    answered = says(question, MESH, system=COORDINATOR, result=told)
    assert answered == "Weather-Bot says: In Oslo it is cloudy."


def test_the_coordinator_hands_planning_over() -> None:
    task = "Plan a day in Lisbon that fits the weather."
    assert says(task, MESH, system=COORDINATOR) == (
        "handoff_to_agent",
        {"to_agent": "General-Assistant", "content": task},
    )
    told = ("handoff_to_agent", {"to_agent": "General-Assistant"}, "accepted")
    assert says(task, MESH, system=COORDINATOR, result=told).startswith(
        "I handed this over to General-Assistant"
    )


def test_the_assistant_asks_for_the_weather_and_makes_a_plan() -> None:
    task = "Plan a day in Lisbon that fits the weather."
    assert says(task, MESH, system=ASSISTANT) == (
        "request_from_agent",
        {"to_agent": "Weather-Bot", "content": "What is the weather in Lisbon?"},
    )
    told = ("request_from_agent", {"to_agent": "Weather-Bot"}, "In Lisbon it is sunny at 22 °C.")
    plan = says(task, MESH, system=ASSISTANT, result=told)
    assert plan.startswith("A short plan for Lisbon:\n1. Weather: In Lisbon it is sunny")
    wet = ("request_from_agent", {"to_agent": "Weather-Bot"}, "In Lisbon it is rainy.")
    assert "umbrella" in says(task, MESH, system=ASSISTANT, result=wet)


def test_a_line_above_that_names_the_sender_changes_nothing() -> None:
    sender = "Message from Task-Coordinator:\n"
    assert says(f"{sender}Tell everyone: lunch!", MESH)[1] == {"content": "lunch!"}
    assert says(f"{sender}Hello", MESH).startswith("Hello! I am a scripted")
    assert says(f"{sender}Weather in Oslo?", WEATHER)[1] == {"city": "Oslo"}


def test_the_user_may_say_what_to_do() -> None:
    assert says("Ask Map-Bot for the way home.", MESH)[1]["to_agent"] == "Map-Bot"
    assert says("Tell Map-Bot that we leave.", MESH) == (
        "send_direct_message",
        {"to_agent": "Map-Bot", "content": "We leave."},
    )
    assert says("Hand this over to Map-Bot: draw it.", MESH)[0] == "handoff_to_agent"
    assert says("Tell everyone: lunch!", MESH) == ("broadcast_message", {"content": "lunch!"})
    assert says("Who is there?", MESH) == ("list_agents", {})
    told = ("list_agents", dict[str, Any](), '[{"name": "A"}, "B"]')
    assert says("Who is there?", MESH, result=told) == "These agents are here: A, B."


def test_a_failed_tool_is_reported_as_such() -> None:
    failed = "request_from_agent failed: AgentUnavailable: No agent named 'X' is online."
    told = ("request_from_agent", {"to_agent": "X"}, failed)
    assert says("weather in Oslo", MESH, result=told).startswith("That did not work.")


@pytest.mark.parametrize("text", ["Hello!", "What is the meaning of life?", "Plan my life."])
def test_anything_else_gets_an_honest_answer(text: str) -> None:
    assert "scripted stand-in, not a real model" in says(text, [])


def test_examples_fit_their_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": ["integer", "null"]},
            "s": {"enum": ["x", "y"]},
            "list": {"type": "array", "items": {"$ref": "#/$defs/T"}},
            "any": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            "c": {"const": 5},
        },
        "$defs": {"T": {"type": "string"}},
    }
    assert example(schema) == {"n": 7, "s": "x", "list": ["text"], "any": True, "c": 5}


async def test_it_says_openly_what_it_is(server: ScriptedModel) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key="x") as client:
        listing = await client.models.with_raw_response.list()
        assert listing.headers["x-hubbub-scripted"] == "1"
        (model,) = listing.parse().data
        assert (model.id, model.owned_by) == (MODEL, "hubbub (scripted, not a real model)")


async def test_a_plain_client_gets_plain_answers(server: ScriptedModel) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key="x") as client:
        reply = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "[[say hi]]"}]
        )
    assert reply.choices[0].message.content == "hi"
    assert reply.usage is not None


async def test_a_reply_function_may_be_async_and_may_fail() -> None:
    async def reply(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> ToolCalls | str:
        if messages[-1]["content"] == "fail":
            raise ValueError("on purpose")
        return ToolCalls(("f", {"a": 1}), ("g", "{broken"))

    async with (
        ScriptedModel(reply) as server,
        AsyncOpenAI(base_url=server.base_url, api_key="x", max_retries=0) as client,
    ):
        answered = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "go"}]
        )
        calls = answered.choices[0].message.tool_calls or []
        arguments = [call.function.arguments for call in calls if call.type == "function"]
        assert arguments == ['{"a": 1}', "{broken"]
        with pytest.raises(Exception, match="on purpose"):
            await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "fail"}]
            )


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 3\r\n\r\n{,}", b"400"),
        (b"GET /health HTTP/1.1\r\n\r\n", b"200"),
        (b"nonsense\r\n\r\n", b""),
    ],
)
async def test_strange_requests_are_answered_or_cut(
    server: ScriptedModel, request_bytes: bytes, status: bytes
) -> None:
    port = int(server.base_url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    with contextlib.suppress(ConnectionError):
        assert status in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_it_runs_as_a_program_until_it_is_ended() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hubbub.runtimes.scripted", stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    line = (await asyncio.wait_for(program.stdout.readline(), 20)).decode()
    found = re.search(r"http://\S+", line)
    assert found is not None
    assert "not a real model" in line
    async with AsyncOpenAI(base_url=found[0], api_key="x") as client:
        assert (await client.models.list()).data[0].id == MODEL
    program.terminate()
    assert await asyncio.wait_for(program.wait(), 10) == 0


def test_the_tools_of_the_kit_have_the_names_the_rules_know() -> None:
    names = {Tool.of(tool).name for tool in TOOLS}
    assert {"get_weather", "list_agents", "request_from_agent", "handoff_to_agent"} <= names


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist there")
def test_it_serves_on_uvloop_as_well() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def ask() -> str:
        async with ScriptedModel() as server, loops(server) as make:
            return str((await run(make("-think", tools=TOOLS), "[[say hi]]")).output)

    assert uvloop.run(ask()) == "hi"
