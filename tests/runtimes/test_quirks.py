"""Every way in which servers are known to misbehave, over real HTTP, gives a clean run."""

from __future__ import annotations

import pytest

from hubbub.runtimes.errors import (
    BadModelAnswer,
    ModelError,
    ModelFailed,
    ModelTimeout,
)
from hubbub.runtimes.scripted import ScriptedModel

from .kit import TOOLS, Making, Watcher, run

REPAIRED = [
    "",
    "-think",
    "-openthink",
    "-think-glue",
    "-openthink-glue",
    "-reasoning",
    "-tooltext",
    "-think-tooltext",
    "-bare",
    "-think-bare",
    "-notools",
    "-noindex",
    "-repname",
    "-noindex-repname",
    "-emptyid",
    "-noindex-emptyid",
    "-onechunk",
    "-dictargs",
    "-nousage",
    "-nostream",
    "-nostream-think-tooltext",
    "-nostream-openthink",
    "-nostream-dictargs",
    "-crlf",
    "-crlf-think-tooltext",
    "-429",
    "-loading",
]


@pytest.mark.parametrize("quirks", REPAIRED)
async def test_text_is_the_text_alone(make: Making, watcher: Watcher, quirks: str) -> None:
    result = await run(make(quirks, tools=TOOLS), "[[say one two three]]", watcher)
    assert result.output == "one two three"
    assert watcher.of("message")[-1]["content"] == "one two three"


@pytest.mark.parametrize("quirks", REPAIRED)
async def test_a_tool_is_called_once(make: Making, watcher: Watcher, quirks: str) -> None:
    result = await run(make(quirks, tools=TOOLS), '[[call get_weather {"city": "Bonn"}]]', watcher)
    assert [call["arguments"] for call in watcher.of("tool_call")] == [{"city": "Bonn"}]
    assert result.output == 'ok: {"city":"Bonn","condition":"sunny","temperature":22}'


@pytest.mark.parametrize("quirks", REPAIRED)
async def test_parallel_calls_stay_apart(make: Making, watcher: Watcher, quirks: str) -> None:
    task = '[[par]][[call get_weather {"city": "Rome"}]][[call list_agents]]'
    result = await run(make(quirks, tools=TOOLS), task, watcher)
    assert [call["name"] for call in watcher.of("tool_call")] == ["get_weather", "list_agents"]
    assert "Rome" in result.output
    assert "alice" in result.output


@pytest.mark.parametrize("quirks", ["-think", "-think-glue", "-reasoning", "-nostream-think"])
async def test_thoughts_are_told_apart(make: Making, watcher: Watcher, quirks: str) -> None:
    await run(make(quirks), "[[say one two]]", watcher)
    assert watcher.thinking.strip() == "hm"
    assert watcher.text == "one two"


async def test_a_lost_opening_tag_is_learnt(make: Making, watcher: Watcher) -> None:
    loop = make("-openthink")
    await run(loop, "[[say one]]", watcher)
    assert watcher.of("custom") == [{"retracted": True}]
    second = Watcher()
    await run(loop, "[[say two]]", second)
    assert (second.thinking.strip(), second.text) == ("hm", "two")


async def test_a_model_that_did_not_think_this_time_still_answers(
    make: Making, server: ScriptedModel
) -> None:
    # "thinking" in a name makes us assume a thought; the scripted server does not think here.
    result = await run(make("-thinking"), "[[say straight out]]")
    assert result.output == "straight out"


async def test_refused_tools_are_offered_in_the_prompt_from_then_on(
    make: Making, server: ScriptedModel
) -> None:
    loop = make("-notools", tools=TOOLS)
    await run(loop, "[[call list_agents]]")
    await run(loop, "[[call list_agents]]")
    refused = [request for request in server.requests if "tools" in request]
    assert len(refused) == 1
    assert "get_weather" in server.requests[-1]["messages"][0]["content"]


async def test_a_flaky_server_is_asked_again(make: Making, server: ScriptedModel) -> None:
    assert (await run(make("-flaky"), "[[say at last]]")).output == "at last"
    assert len(server.requests) == 3


async def test_a_stream_that_breaks_off_is_a_clear_error(make: Making) -> None:
    with pytest.raises(ModelFailed, match="broke off"):
        await run(make("-drop"), "[[say one two three]]")


async def test_a_stream_that_breaks_before_its_first_word_is_asked_for_again(
    make: Making, server: ScriptedModel
) -> None:
    assert (await run(make("-dropearly"), "[[say one two three]]")).output == "one two three"
    assert len(server.requests) == 2


async def test_an_error_inside_the_stream_is_passed_on(make: Making) -> None:
    with pytest.raises(ModelFailed, match="context overflow"):
        await run(make("-sseerror"), "[[say one two three]]")


async def test_a_web_page_is_no_answer(make: Making) -> None:
    with pytest.raises(BadModelAnswer, match="text/html"):
        await run(make("-nonsense"), "hi")


async def test_bytes_that_are_no_http_are_a_clear_error(make: Making) -> None:
    with pytest.raises(ModelFailed, match="speaks no HTTP"):
        await run(make("-garbage", attempts=1), "hi")


async def test_a_silent_server_is_given_up(make: Making) -> None:
    with pytest.raises(ModelTimeout) as caught:
        await run(make("-silent", timeout=0.2), "hi")
    assert isinstance(caught.value, ModelError)
    assert caught.value.seconds == 0.2
